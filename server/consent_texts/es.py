"""The notice in Spanish (es-PE)."""

from typing import Final

_BEFORE: Final = """\
Quién es responsable
{company} lo invita a esta entrevista y responde por el tratamiento de sus datos. Puede \
escribirle por el mismo medio por el que recibió la invitación.

Para qué sirve
La entrevista es escrita y sus respuestas sirven solo para evaluar su postulación a esta \
vacante. Su CV se compara también con las demás vacantes de {company}, incluso con las que abra \
mientras lo conserve. Sus datos no se venden ni se usan para publicidad.

Qué se guarda
Su nombre y datos de contacto, su CV y lo que se extrajo de él, sus respuestas tal como las \
envía, la hora de cada una, este consentimiento y el informe. No se graba audio ni video. No se \
evalúan su cara, su voz, su acento, sus emociones ni su «actitud».

Qué hace un programa
Un programa lee su CV y lo compara con los requisitos de las vacantes; para comparar usa, en los \
servidores de la plataforma, un modelo que mide el parecido entre textos. Con lo que se pide en \
esta vacante arma el plan de la entrevista. Al final busca en sus respuestas lo que se esperaba \
de cada tema y cita sus propias palabras. El informe muestra esas citas y un cálculo hecho sobre \
ellas."""

_WITHOUT_MODEL: Final = """\
Sin inteligencia artificial generativa
Las preguntas salen de un banco escrito por personas, elegidas por reglas fijas. Ningún modelo \
de lenguaje externo recibe sus datos y sus respuestas no salen de los servidores de la \
plataforma por esta entrevista. El informe señala posibles coincidencias entre lo esperado y sus \
respuestas; no es una nota de contratación."""

_WITH_MODEL: Final = """\
Con inteligencia artificial
Las preguntas y la propuesta de evaluación las escribe Claude, un modelo de inteligencia \
artificial de Anthropic, y pueden tener errores. Solo por lo que dice la vacante, Claude propone \
además cuánto pesa cada tema del plan, y un programa lo revisa. Para eso se envían fuera del \
Perú, a servidores de Anthropic (Estados Unidos), la descripción de la vacante, lo que su CV dice \
sobre los requisitos, su nombre y el texto de la entrevista. Es un flujo transfronterizo de datos \
personales y usted lo autoriza al aceptar. Si el modelo no responde, las preguntas salen de un \
banco escrito por personas y la página se lo dice. Un programa descarta toda afirmación que no \
tenga una cita literal suya."""

_AFTER: Final = """\
Quién decide
Ningún programa lo rechaza ni lo contrata. Decide una persona de {company}, que queda registrada \
con su nombre y su motivo. Las personas encargadas de la selección pueden leer la entrevista \
mientras ocurre. La selección de personal es un uso de riesgo alto según el reglamento de la Ley \
31814 y por eso exige supervisión humana. Puede pedir que una persona le explique la decisión y \
la revise.

Es voluntario
Si no acepta, la entrevista no empieza y no pierde por ello su postulación: puede pedir otro \
proceso con una persona. También puede pedir más tiempo. Los dos botones están en esta página. \
Puede retirar su consentimiento cuando quiera; lo ya hecho antes sigue siendo válido.

Cuánto tiempo
{company} fijó un plazo de conservación de {retention_days} días y debe borrar sus datos cuando \
termine. Si pide el borrado antes, se eliminan su CV, el perfil, sus respuestas y el informe; \
quedan la constancia de este consentimiento, el registro de las acciones y la decisión con su \
motivo.

Sus derechos
Según la Ley 29733 y su reglamento (Decreto Supremo 016-2024-JUS) puede acceder a sus datos, \
rectificarlos, cancelarlos, oponerse a su uso, pedir una copia portable y no quedar sujeto solo \
a una decisión automatizada. Es gratuito: pídalo a {company}. Si no lo atienden, puede reclamar \
ante la Autoridad Nacional de Protección de Datos Personales. Si vive en otro país, la ley de \
ese país puede darle más derechos."""

WITHOUT_MODEL: Final = f"{_BEFORE}\n\n{_WITHOUT_MODEL}\n\n{_AFTER}"
WITH_MODEL: Final = f"{_BEFORE}\n\n{_WITH_MODEL}\n\n{_AFTER}"
