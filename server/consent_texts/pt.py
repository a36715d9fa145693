"""The notice in Portuguese (pt-BR)."""

from typing import Final

_BEFORE: Final = """\
Quem é responsável
{company} convida você para esta entrevista e responde pelo tratamento dos seus dados. Você pode \
escrever pelo mesmo meio pelo qual recebeu o convite.

Para que serve
A entrevista é por escrito e as suas respostas servem apenas para avaliar a sua candidatura a \
esta vaga. O seu currículo também é comparado com as demais vagas de {company}, inclusive com as \
que abrir enquanto o conservar. Os seus dados não são vendidos nem usados para publicidade.

O que se guarda
O seu nome e os seus contatos, o seu currículo e o que foi extraído dele, as suas respostas tal \
como você as envia, a hora de cada uma, este consentimento e o relatório. Não se grava áudio nem \
vídeo. Não se avaliam o seu rosto, a sua voz, o seu sotaque, as suas emoções nem a sua \
"atitude".

O que faz um programa
Um programa lê o seu currículo e o compara com os requisitos das vagas; para comparar usa, nos \
servidores da plataforma, um modelo que mede a semelhança entre textos. Com o que esta vaga pede \
monta o plano da entrevista. No final procura nas suas respostas o que se esperava de cada tema \
e cita as suas próprias palavras. O relatório mostra essas citações e um cálculo feito sobre \
elas."""

_WITHOUT_MODEL: Final = """\
Sem inteligência artificial generativa
As perguntas vêm de um banco escrito por pessoas e são escolhidas por regras fixas. Nenhum \
modelo de linguagem externo recebe os seus dados, e as suas respostas não saem dos servidores da \
plataforma por causa desta entrevista. O relatório aponta possíveis correspondências entre o \
esperado e as suas respostas; não é uma nota de contratação."""

_WITH_MODEL: Final = """\
Com inteligência artificial
As perguntas e a proposta de avaliação são escritas por Claude, um modelo de inteligência \
artificial da Anthropic, e podem ter erros. Só pelo que diz a vaga, propõe também quanto pesa \
cada tema do plano, e um programa confere. Para isso são enviados para fora do Peru, a \
servidores da Anthropic (Estados Unidos), a descrição da vaga, o que o seu currículo diz sobre \
os requisitos, o seu nome e o texto da entrevista. É um fluxo transfronteiriço de dados \
pessoais, que você autoriza ao aceitar. Se o modelo não responder, as perguntas vêm de um banco \
escrito por pessoas e a página avisa. Um programa descarta toda afirmação que não tenha uma \
citação literal sua."""

_AFTER: Final = """\
Quem decide
Nenhum programa rejeita nem contrata você. Decide uma pessoa de {company}, que fica registrada \
com o seu nome e o seu motivo. As pessoas encarregadas da seleção podem ler a entrevista \
enquanto ela acontece. A seleção de pessoal é um uso de alto risco segundo o regulamento da Lei \
31814 do Peru, e por isso exige supervisão humana. Você pode pedir que uma pessoa explique a \
decisão e a revise.

É voluntário
Se você não aceitar, a entrevista não começa, e você não perde por isso a sua candidatura: pode \
pedir outro processo com uma pessoa. Também pode pedir mais tempo. Os dois botões estão nesta \
página. Você pode retirar o seu consentimento quando quiser; o que já foi feito continua válido.

Por quanto tempo
{company} definiu um prazo de conservação de {retention_days} dias e deve apagar os seus dados \
quando ele terminar. Se você pedir a exclusão antes, são eliminados o seu currículo, o perfil, \
as suas respostas e o relatório; ficam o registro deste consentimento, o registro das ações e a \
decisão com o seu motivo.

Os seus direitos
Segundo a Lei 29733 do Peru e o seu regulamento (Decreto Supremo 016-2024-JUS), você pode \
acessar os seus dados, retificá-los, cancelá-los, opor-se ao seu uso, pedir uma cópia portável e \
não ficar sujeito apenas a uma decisão automatizada. É gratuito: peça a {company}. Se não for \
atendido, pode reclamar à Autoridad Nacional de Protección de Datos Personales. Se você mora em \
outro país, a lei dele pode lhe dar mais direitos."""

WITHOUT_MODEL: Final = f"{_BEFORE}\n\n{_WITHOUT_MODEL}\n\n{_AFTER}"
WITH_MODEL: Final = f"{_BEFORE}\n\n{_WITH_MODEL}\n\n{_AFTER}"
