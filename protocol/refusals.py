"""Why a CV could not be read and what to do next, in the reader's language.

The one source of these sentences: the doors, the console script and the pages say the same.
"""

from typing import Final

LOCALES: Final = ("es", "en", "pt")

MESSAGES: Final[dict[str, dict[str, str]]] = {
    "cv_empty": {
        "es": "El archivo está vacío. Revise que sea el CV correcto y vuelva a subirlo.",
        "en": "The file is empty. Check that it is the right CV and upload it again.",
        "pt": "O arquivo está vazio. Confira se é o currículo certo e envie de novo.",
    },
    "cv_too_large": {
        "es": "El archivo supera los 50 MB. Guarde el CV como PDF con imágenes más livianas "
        "y vuelva a subirlo.",
        "en": "The file is larger than 50 MB. Save the CV as a PDF with lighter images and "
        "upload it again.",
        "pt": "O arquivo passa de 50 MB. Salve o currículo em PDF com imagens mais leves e "
        "envie de novo.",
    },
    "cv_not_a_cv_file": {
        "es": "El archivo no es un PDF, DOC ni DOCX. Guarde el CV como PDF y vuelva a subirlo.",
        "en": "The file is not a PDF, DOC or DOCX. Save the CV as a PDF and upload it again.",
        "pt": "O arquivo não é PDF, DOC nem DOCX. Salve o currículo em PDF e envie de novo.",
    },
    "cv_encrypted": {
        "es": "El archivo está protegido con contraseña. Guarde el CV como PDF sin contraseña "
        "y vuelva a subirlo.",
        "en": "The file is protected with a password. Save the CV as a PDF without a password "
        "and upload it again.",
        "pt": "O arquivo está protegido por senha. Salve o currículo em PDF sem senha e envie "
        "de novo.",
    },
    "cv_damaged": {
        "es": "El archivo está dañado o llegó incompleto. Ábralo, guárdelo otra vez como PDF y "
        "vuelva a subirlo.",
        "en": "The file is damaged or arrived incomplete. Open it, save it again as a PDF and "
        "upload it again.",
        "pt": "O arquivo está danificado ou chegou incompleto. Abra, salve de novo em PDF e "
        "envie outra vez.",
    },
    "cv_bomb": {
        "es": "El archivo ocupa muchísimo más al abrirse de lo que debería. Guarde el CV como "
        "un PDF nuevo y vuelva a subirlo.",
        "en": "The file unpacks to far more than it should. Save the CV as a new PDF and "
        "upload it again.",
        "pt": "O arquivo ocupa muito mais ao abrir do que deveria. Salve o currículo como um "
        "novo PDF e envie de novo.",
    },
    "cv_timeout": {
        "es": "Leer el archivo tomó demasiado tiempo. Guarde el CV como un PDF más sencillo y "
        "vuelva a subirlo.",
        "en": "Reading the file took too long. Save the CV as a simpler PDF and upload it again.",
        "pt": "A leitura do arquivo demorou demais. Salve o currículo como um PDF mais simples "
        "e envie de novo.",
    },
    "cv_memory": {
        "es": "Leer el archivo necesita demasiada memoria. Guarde el CV como un PDF más "
        "sencillo y vuelva a subirlo.",
        "en": "Reading the file needs too much memory. Save the CV as a simpler PDF and upload "
        "it again.",
        "pt": "A leitura do arquivo exige memória demais. Salve o currículo como um PDF mais "
        "simples e envie de novo.",
    },
    "cv_crashed": {
        "es": "No pudimos leer este archivo. Guarde el CV como un PDF nuevo y vuelva a subirlo.",
        "en": "We could not read this file. Save the CV as a new PDF and upload it again.",
        "pt": "Não conseguimos ler este arquivo. Salve o currículo como um novo PDF e envie de "
        "novo.",
    },
    "cv_doc_reader_missing": {
        "es": "Aquí no se pueden leer archivos DOC antiguos. Guarde el CV como PDF o DOCX y "
        "vuelva a subirlo.",
        "en": "Old DOC files cannot be read here. Save the CV as a PDF or DOCX and upload it "
        "again.",
        "pt": "Arquivos DOC antigos não podem ser lidos aqui. Salve o currículo em PDF ou DOCX "
        "e envie de novo.",
    },
    "cv_needs_ocr": {
        "es": "El CV es una imagen sin texto. Súbalo como PDF con texto (por ejemplo, exportado "
        "desde Word).",
        "en": "The CV is a picture without text. Upload a PDF with text (for example, exported "
        "from Word).",
        "pt": "O currículo é uma imagem sem texto. Envie um PDF com texto (por exemplo, "
        "exportado do Word).",
    },
    "cv_not_uploaded": {
        "es": "El archivo todavía no llegó. Vuelva a subirlo.",
        "en": "The file has not arrived yet. Upload it again.",
        "pt": "O arquivo ainda não chegou. Envie de novo.",
    },
    "cv_attempts_exhausted": {
        "es": "No se pudo leer el archivo después de varios intentos. Guarde el CV como un PDF "
        "nuevo y vuelva a subirlo.",
        "en": "The file could not be read after several attempts. Save the CV as a new PDF and "
        "upload it again.",
        "pt": "Não foi possível ler o arquivo depois de várias tentativas. Salve o currículo "
        "como um novo PDF e envie de novo.",
    },
}

# What a file really is, for the detail of cv_not_a_cv_file.
REALLY: Final[dict[str, dict[str, str]]] = {
    "text": {"es": "es texto sin formato", "en": "it is plain text", "pt": "é texto simples"},
    "rtf": {"es": "es un RTF", "en": "it is RTF", "pt": "é um RTF"},
    "html": {"es": "es una página web", "en": "it is a web page", "pt": "é uma página web"},
    "odt": {
        "es": "es un documento ODT",
        "en": "it is an ODT document",
        "pt": "é um documento ODT",
    },
    "image": {"es": "es una imagen", "en": "it is a picture", "pt": "é uma imagem"},
    "spreadsheet": {
        "es": "es una hoja de cálculo",
        "en": "it is a spreadsheet",
        "pt": "é uma planilha",
    },
    "slides": {"es": "es una presentación", "en": "it is a slide deck", "pt": "são slides"},
    "zip": {"es": "es un archivo ZIP", "en": "it is a ZIP archive", "pt": "é um arquivo ZIP"},
    "unknown": {
        "es": "su contenido no se reconoce",
        "en": "its content is not recognised",
        "pt": "o conteúdo não é reconhecido",
    },
}


def spoken(language: str) -> dict[str, str]:
    """Return every sentence of one of LOCALES, by code."""
    return {code: words[language] for code, words in MESSAGES.items()}


def message(code: str, locale: str = "es", detail: str = "") -> str:
    """Return what a person reads about a refusal: the reason and the next step.

    `detail` is the fault's; where it names what the file really is, the sentence says so.
    An unknown locale reads Spanish; an unknown code reads as a crash of the reader.
    """
    language = locale[:2] if locale[:2] in LOCALES else "es"
    text = MESSAGES.get(code, MESSAGES["cv_crashed"])[language]
    really = REALLY.get(detail)
    if code == "cv_not_a_cv_file" and really is not None:
        head, _, rest = text.partition(". ")
        return f"{head}: {really[language]}. {rest}"
    return text
