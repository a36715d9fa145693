"""The notice in Spanish (es-PE)."""

from typing import Final

_BEFORE: Final = """\
Quién es responsable
{company} te invita a esta entrevista y responde por el tratamiento de tus datos. Puedes \
escribirle por el mismo medio por el que recibiste la invitación.

Para qué sirve
La entrevista es escrita y sirve solo para evaluar tu postulación a esta vacante. Tus datos no \
se venden ni se usan para publicidad.

Qué se guarda
Tu nombre y datos de contacto, tu CV y lo que se extrajo de él, tus respuestas tal como las \
envías, la hora de cada una, este consentimiento y el informe. No se graba audio ni video. No se \
evalúan tu cara, tu voz, tu acento, tus emociones ni tu «actitud».

Qué hace un programa
Un programa lee tu CV y lo compara con los requisitos de la vacante; para comparar usa, en los \
servidores de la plataforma, un modelo que mide el parecido entre textos. Con eso arma el plan \
de la entrevista. Al final busca en tus respuestas lo que se esperaba de cada tema y cita tus \
propias palabras. El informe muestra esas citas y un cálculo hecho sobre ellas."""

_WITHOUT_MODEL: Final = """\
Sin inteligencia artificial generativa
Las preguntas salen de un banco escrito por personas, elegidas por reglas fijas. Ningún modelo \
de lenguaje externo recibe tus datos y tus respuestas no salen de los servidores de la \
plataforma por esta entrevista. El informe indica qué parte de lo esperado apareció en tus \
respuestas; no es una nota de contratación."""

_WITH_MODEL: Final = """\
Con inteligencia artificial
Las preguntas y la propuesta de evaluación las escribe Claude, un modelo de inteligencia \
artificial de Anthropic, y pueden tener errores. Para eso se envían fuera del Perú, a servidores \
de Anthropic (Estados Unidos), la descripción de la vacante, lo que tu CV dice sobre sus \
requisitos, tu nombre y el texto de la entrevista. Es un flujo transfronterizo de datos \
personales y lo autorizas al aceptar. Si el modelo no responde, las preguntas salen de un banco \
escrito por personas y la página te lo dice. Un programa descarta toda afirmación que no tenga \
una cita literal tuya."""

_AFTER: Final = """\
Quién decide
Ningún programa te rechaza ni te contrata. Decide una persona de {company}, que queda registrada \
con su nombre y su motivo. Las personas encargadas de la selección pueden leer la entrevista \
mientras ocurre. La selección de personal es un uso de riesgo alto según el reglamento de la Ley \
31814 y por eso exige supervisión humana. Puedes pedir que una persona te explique la decisión y \
la revise.

Es voluntario
Si no aceptas, la entrevista no empieza y no pierdes por ello tu postulación: puedes pedir otro \
proceso con una persona. También puedes pedir más tiempo. Los dos botones están en esta página. \
Puedes retirar tu consentimiento cuando quieras; lo ya hecho antes sigue siendo válido.

Cuánto tiempo
{company} fijó un plazo de conservación de {retention_days} días y debe borrar tus datos cuando \
termine. Si pides el borrado antes, se eliminan tu CV, el perfil, tus respuestas y el informe; \
quedan la constancia de este consentimiento, el registro de las acciones y la decisión con su \
motivo.

Tus derechos
Según la Ley 29733 y su reglamento (Decreto Supremo 016-2024-JUS) puedes acceder a tus datos, \
rectificarlos, cancelarlos, oponerte a su uso, pedir una copia portable y no quedar sujeto solo \
a una decisión automatizada. Es gratuito: pídelo a {company}. Si no te atienden, puedes reclamar \
ante la Autoridad Nacional de Protección de Datos Personales. Si vives en otro país, su ley \
puede darte más derechos."""

WITHOUT_MODEL: Final = f"{_BEFORE}\n\n{_WITHOUT_MODEL}\n\n{_AFTER}"
WITH_MODEL: Final = f"{_BEFORE}\n\n{_WITH_MODEL}\n\n{_AFTER}"
