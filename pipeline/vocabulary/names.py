"""Given names common in Latin America: a hint that a line is a person's name, never a condition."""

# ruff: noqa: SIM905 - hundreds of words read better as a paragraph

from typing import Final

GIVEN: Final = frozenset(
    """
    abel abigail abraham adolfo adrian adriana agustin alan alba alberto alejandra alejandro
    alex alexander alexandra alexis alfonso alfredo alicia alonso alvaro amanda amelia ana andre
    andrea andres angel angela angelica angie anibal anthony antonia antonio ariana ariel armando
    arturo augusto aurora barbara beatriz benjamin bernardo bianca blanca brenda brian bruna bruno
    camila camilo carla carlos carmen carolina catalina cecilia celia cesar christian cinthia
    ciro clara claudia claudio cristhian cristian cristina cynthia daniel daniela danilo david
    debora deborah denis denisse diana diego dina dora edgar edison edith eduardo edwin elena
    elias elisa elizabeth elmer elsa elvira emerson emilia emilio emma enrique eric erick erika
    ernesto esteban estefania esther eugenia eugenio eva evelyn fabian fabiana fabiola fabricio
    federico felipe felix fernanda fernando fiorella flavia flavio flor francisca francisco franco
    freddy gabriel gabriela genesis gerardo german giancarlo gilberto gilmar giovanna giovanni
    gisela gladys gloria gonzalo graciela grecia gregorio guadalupe guillermo gustavo hector helena
    henry hernan hilda hugo humberto ignacio ines ingrid irene iris irma isaac isabel isabela ivan
    ivonne jackeline jacob jaime janet javier jean jennifer jenny jeronimo jessica jesus jhon jimena
    joan joana joao joaquin joel jonathan jorge jose josue juan juana juliana julia julian julio
    junior karen karina karla katherine katia kelly kevin larissa laura leandro leonardo leonor
    leslie leticia lidia lilian liliana lisbeth lizbeth lorena lorenzo lourdes lucas lucero lucia
    luciana luciano luis luisa luiz luz magaly manuel manuela marcela marcelo marco marcos margarita
    maria mariana mariano maribel maricarmen mario marisol marlene marta martha martin mateo mateus
    matias mauricio maximo mayra melanie melissa mercedes micaela miguel milagros mily milton miriam
    mirtha moises monica nadia nancy natalia nataly nelly nelson nestor nicol nicolas nicole noelia
    nora norma octavio olga olivia omar orlando oscar pablo pamela paola patricia patricio paul
    paula paulo pedro percy peter pilar rafael rafaela ramiro ramon raquel raul rebeca renata renato
    ricardo richard rita robert roberto rocio rodolfo rodrigo roger rolando romina ronald rosa
    rosario roxana ruben ruth samuel sandra santiago sara sebastian segundo sergio sheyla shirley
    silvana silvia simon sofia sonia soledad stefany stephanie susana tania tatiana teresa thiago
    tomas ursula valentina valeria vanessa vania veronica vicente victor victoria vilma violeta
    vivian viviana walter wendy wilder wilfredo william wilmer wilson xavier ximena yanet yenny
    yesenia yolanda yuri zoila james john mary michael emily sarah david thomas grace daniela
    """.split()
)
