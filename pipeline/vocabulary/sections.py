"""The headings of a CV in three languages, and how to tell one from a line that starts alike."""

# ruff: noqa: SIM905 - hundreds of words read better as a paragraph

import re
from typing import Final, Literal

from pipeline.vocabulary.folding import fold

Section = Literal[
    "summary", "work", "education", "skills", "languages", "certificates", "projects",
    "contact", "references", "other",
]  # fmt: skip

# Folded, one a comma. A heading is matched whole, with the spaces closed up as well.
TITLES: Final[dict[Section, str]] = {
    "summary": """
        perfil, perfil profesional, perfil laboral, perfil personal, perfil ejecutivo, resumen,
        resumen profesional, resumen ejecutivo, resumen de perfil, sobre mi, acerca de mi,
        quien soy, presentacion, presentacion personal, extracto, objetivo, objetivo profesional,
        objetivo laboral, objetivos, perfil y objetivos, descripcion profesional, sumario,
        sintesis profesional, carta de presentacion, resumen del perfil, resumen personal,
        summary, professional summary, career summary, executive summary, profile,
        professional profile, personal profile, about me, about, objective, career objective,
        professional objective, personal statement, summary of qualifications, overview,
        career profile, introduction, career overview,
        resumo, resumo profissional, perfil profissional, sobre mim, quem sou, apresentacao,
        objetivo profissional, objetivos profissionais, sumario profissional, resumo executivo,
        sintese profissional, resumo de qualificacoes, resumo das qualificacoes,
        sintese de qualificacoes, qualificacoes profissionais, sobre
    """,
    "work": """
        experiencia, experiencia laboral, experiencia profesional, experiencias laborales,
        experiencias profesionales, experiencia de trabajo, experiencia relevante,
        historial laboral, historia laboral, historial profesional, trayectoria laboral,
        trayectoria profesional, trayectoria, antecedentes laborales, experiencia previa,
        antecedentes profesionales, empleo, empleos, experiencia laboral y profesional,
        experiencia profesional y laboral, experiencia pre profesional, experiencia tecnica,
        experiencia pre-profesional, practicas, practicas pre profesionales, recorrido laboral,
        practicas preprofesionales, practicas profesionales, desempeno laboral, experiencia actual,
        experiencia laboral relevante, experiencia profesional relevante, otras experiencias,
        resumen de experiencia, otras experiencias laborales, vida laboral, actividad laboral,
        work experience, professional experience, experience, employment, employment history,
        work history, career history, relevant experience, job history, professional background,
        relevant work experience, internships, internship experience, internship, positions held,
        experience and employment, career, work, professional history, employment experience,
        additional experience, other experience, industry experience, selected experience,
        experiencia profissional, experiencias profissionais, experiencias, historico profissional,
        trajetoria profissional, atuacao profissional, vivencia profissional, carreira, estagio,
        estagios, experiencia de trabalho, historico de trabalho, experiencia anterior,
        empregos anteriores
    """,
    "education": """
        educacion, formacion, formacion academica, formacion profesional, estudios, academico,
        estudios realizados, estudios superiores, datos academicos, antecedentes academicos,
        educacion superior, historial academico, preparacion academica, grado academico,
        grados academicos, grados y titulos, titulos, formacion universitaria, estudios academicos,
        formacion academica y profesional, educacion y formacion, formacion y estudios,
        formacion educativa, instruccion, nivel academico, nivel educativo, escolaridad,
        trayectoria academica, informacion academica, perfil academico, educacion formal,
        education, academic background, educational background, academic qualifications,
        education and training, academic history, qualifications, studies, academics,
        education background, education history, academic education, university education,
        academic record, higher education,
        educacao, formacao, formacao academica, formacao educacional, formacao escolar,
        historico academico, estudos, dados academicos, graduacao, formacao profissional,
        qualificacao academica, formacao universitaria, formacao superior
    """,
    "skills": """
        habilidades, habilidades tecnicas, habilidades blandas, habilidades y competencias,
        habilidades y aptitudes, habilidades y conocimientos, competencias, aptitudes, destrezas,
        competencias tecnicas, competencias profesionales, competencias y habilidades,
        habilidades personales, conocimientos, conocimientos tecnicos, tecnologias, herramientas,
        conocimientos informaticos, informatica, computacion, ofimatica, programas, software,
        manejo de programas, conocimientos de informatica, conocimientos y habilidades, fortalezas,
        conocimientos en computacion, conocimientos de computacion, stack tecnologico, capacidades,
        herramientas informaticas, herramientas y tecnologias, tecnologias y herramientas,
        habilidades profesionales, competencias clave, habilidades clave, areas de conocimiento,
        habilidades digitales, competencias digitales, competencias laborales, especialidades,
        manejo de software, habilidades informaticas, habilidades tecnologicas,
        dominio de programas,
        habilidades y herramientas, conocimientos adicionales, areas de experiencia, stack,
        lenguajes de programacion, areas de especializacion, areas de dominio, cualidades,
        skills, technical skills, soft skills, key skills, core skills, core competencies,
        competencies, technologies, tools, tools and technologies, technical expertise, expertise,
        areas of expertise, technical proficiencies, computer skills, skills and tools, abilities,
        skills and abilities, technical knowledge, strengths, key competencies, hard skills,
        professional skills, skills summary, skills and competencies, additional skills,
        technical skills and tools, skills and expertise, digital skills, it skills, tech stack,
        programming languages, skills and technologies, technologies and tools, skill set, skillset,
        competencias e habilidades, habilidades e competencias, conhecimentos,
        competencias tecnicas,
        conhecimentos tecnicos, ferramentas, ferramentas e tecnologias, principais competencias,
        habilidades pessoais, competencias comportamentais, conhecimentos em informatica,
        principais habilidades, tecnologias e ferramentas, conhecimentos de informatica, aptidoes,
        qualificacoes, qualificacoes tecnicas, competencias profissionais, habilidades tecnicas,
        conhecimentos especificos, habilidades profissionais
    """,
    "languages": """
        idiomas, idioma, lenguas, lenguajes, conocimiento de idiomas, dominio de idiomas,
        manejo de idiomas, conocimientos de idiomas, languages, language skills, language,
        foreign languages, language proficiency, spoken languages, linguas, linguas estrangeiras,
        conhecimento de idiomas, idiomas estrangeiros, idiomas extranjeros
    """,
    "certificates": """
        certificaciones, certificados, cursos, cursos y certificaciones, certificaciones y cursos,
        cursos y capacitaciones, capacitaciones, capacitacion, cursos y seminarios,
        cursos y talleres,
        formacion complementaria, estudios complementarios, cursos complementarios, talleres,
        diplomados, diplomas, seminarios, especializaciones, especializacion, cursos realizados,
        otros estudios, otros cursos, educacion continua, formacion continua, cursos adicionales,
        capacitaciones y certificaciones, certificaciones y capacitaciones, licencias,
        licencias y certificaciones, diplomados y cursos, cursos y diplomados, perfeccionamiento,
        estudios de especializacion, capacitacion y desarrollo, formacion adicional, certificacion,
        cursos de especializacion, certificados y cursos, diplomados y especializaciones,
        certifications, certificates, certification, courses, training, licenses, coursework,
        licenses and certifications, courses and certifications, certifications and courses,
        professional development, training and certifications, additional training,
        professional certifications, certificates and courses, certifications and training,
        certificacoes, cursos e certificacoes, cursos complementares, formacao complementar,
        cursos extracurriculares, capacitacoes, treinamentos, cursos de aperfeicoamento,
        cursos livres, certificados e cursos, certificacoes e cursos, aperfeicoamento,
        qualificacoes complementares, outros cursos, cursos e treinamentos
    """,
    "projects": """
        proyectos, proyectos destacados, proyectos personales, proyectos relevantes, portafolio,
        proyectos academicos, portfolio, projects, personal projects, selected projects,
        key projects, academic projects, side projects, projetos, projetos pessoais,
        projetos relevantes, portfolio de projetos, open source
    """,
    "contact": """
        contacto, datos de contacto, informacion de contacto, datos personales,
        informacion personal,
        datos generales, mis datos, contactame, contact, contact information, contact details,
        personal information, personal details, personal data, contact info, contato,
        informacoes de contato, dados pessoais, dados de contato, informacoes pessoais, contatos,
        contactos
    """,
    "references": """
        referencias, referencias laborales, referencias personales, referencias profesionales,
        references, professional references, referees, referencias pessoais,
        referencias profissionais, recomendaciones
    """,
    "other": """
        intereses, hobbies, aficiones, pasatiempos, intereses personales, informacion adicional,
        datos adicionales, otros datos, otros, publicaciones, premios, reconocimientos, logros,
        premios y reconocimientos, logros y reconocimientos, voluntariado, voluntariados,
        actividades, actividades extracurriculares, distinciones, investigaciones,
        membresias, afiliaciones, disponibilidad, redes sociales, enlaces, redes, eventos,
        participacion en eventos, conferencias, ponencias, trabajo voluntario, otra informacion,
        responsabilidad social, pretensiones salariales, logros destacados, logros academicos,
        interests, additional information, publications, awards, honors, honors and awards,
        awards and honors, achievements, volunteering, volunteer experience, volunteer work,
        activities, extracurricular activities, memberships, affiliations, links, patents,
        conferences, volunteer, accomplishments, key achievements, awards and achievements,
        languages and interests, hobbies and interests, research, leadership, docencia,
        interesses, informacoes adicionais, informacoes complementares, publicacoes, premiacoes,
        voluntariado e interesses, trabalho voluntario, atividades extracurriculares, conquistas,
        premios e reconhecimentos, atividades complementares, links, disponibilidade
    """,
}

# Words that are also skills or plain words: headings only in capitals or before a colon.
WEAK: Final = frozenset(
    """capacitacion redes eventos actividades sobre work about career language links practicas
    otros training portfolio portafolio presentacion titulos especializacion instruccion
    empleo empleos conferencias voluntariado investigaciones docencia disponibilidad internship
    diplomas talleres logros carreira estagio academico academics research leadership
    certificacion perfeccionamiento research activities volunteer volunteering""".split()
)
CHARS_MAX = 60
NUMBERING: Final = re.compile(r"^(?:[\divx]{1,4}[.)]\s{0,3}|[^\w(]{1,4}\s{0,3})")
EDGES: Final = " \t•*-–—_=|:.,;#>»«·~/"
INLINE: Final = re.compile(r"([^:\t]{3,60}?)(\s{0,2}:|\t| {3,9})\s{0,3}")
SPACES: Final = re.compile(r"[\s/&|+,]+| y | e | and ")


def _key(title: str) -> str:
    """Close a title up, so that "E X P E R I E N C I A" and "&" for "and" match as well."""
    words = [word for word in SPACES.split(f"{title} ") if word]
    return "".join(word for word in words if word not in ("y", "e", "and"))


def _index() -> dict[str, Section]:
    index: dict[str, Section] = {}
    for section, titles in TITLES.items():
        for title in titles.split(","):
            index.setdefault(_key(title.strip()), section)
    return index


INDEX: Final = _index()
KEY_CHARS_MAX: Final = max(map(len, INDEX))
WORDS_MAX: Final = 5


def heading(line: str) -> Section | None:
    """Return the section a line is the heading of, or None."""
    if len(line) > CHARS_MAX:
        return None
    plain = NUMBERING.sub("", fold(line).strip(EDGES)).strip(EDGES)
    if not plain or plain[-1] in ")]":
        return None
    if plain in WEAK and not (line.isupper() or line.rstrip().endswith(":")):
        return None
    found = INDEX.get(_key(plain))
    if found is None and " " in plain:
        found = _composite(plain)
    return found


def _composite(plain: str) -> Section | None:
    """Judge "habilidades e intereses": two titles joined; the first says what it is."""
    for joint in (" y ", " e ", " and ", " & ", " / ", "/"):
        first, found, second = plain.partition(joint)
        if found and _key(first) in INDEX and _key(second) in INDEX:
            return INDEX[_key(first)]
    return None


def inline(line: str) -> tuple[Section, int] | None:
    """Return the section and where its content starts, of a line such as "Idiomas: inglés"."""
    match = INLINE.match(line[: CHARS_MAX + 3])
    if match is None or not line[match.end() :].strip():
        return None
    section = heading(f"{match[1]}:" if ":" in match[2] else match[1])
    return None if section is None else (section, match.end())


def starts_or_ends_as_heading(line: str) -> bool:
    """Say whether a line holds a heading at one end and more: two columns may be mixed there."""
    words = fold(line[: 4 * CHARS_MAX]).split()
    sizes = range(1, min(WORDS_MAX, len(words) - 1) + 1)
    return any(
        _key(" ".join(words[:size])) in INDEX or _key(" ".join(words[-size:])) in INDEX
        for size in sizes
    )
