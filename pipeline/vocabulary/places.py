"""Cities and countries of Latin America and beyond, with their ISO codes and phone regions."""

# ruff: noqa: PLR2004 - a weight or a length is judged where it stands

from typing import Final

from pipeline.vocabulary.trie import Trie

COUNTRIES: Final = {
    "PE": "peru, republica del peru",
    "CO": "colombia",
    "CL": "chile",
    "MX": "mexico",
    "AR": "argentina",
    "BR": "brasil, brazil",
    "EC": "ecuador",
    "BO": "bolivia",
    "UY": "uruguay",
    "PY": "paraguay",
    "VE": "venezuela",
    "CR": "costa rica",
    "PA": "panama",
    "GT": "guatemala",
    "HN": "honduras",
    "SV": "el salvador",
    "NI": "nicaragua",
    "DO": "republica dominicana, dominican republic",
    "CU": "cuba",
    "PR": "puerto rico",
    "ES": "espana, spain",
    "PT": "portugal",
    "US": "estados unidos, united states, usa, ee.uu., eeuu",
    "CA": "canada",
    "GB": "reino unido, united kingdom, uk, england",
    "DE": "alemania, germany, alemanha",
    "FR": "francia, france, franca",
    "IT": "italia, italy",
}
CITIES: Final = {
    "PE": """lima, callao, arequipa, trujillo, chiclayo, piura, cusco, cuzco, huancayo, iquitos,
        tacna, ica, juliaca, puno, chimbote, cajamarca, ayacucho, pucallpa, sullana, huanuco,
        tarapoto, moquegua, tumbes, huaraz, abancay, ilo, jaen, chincha, pisco, huacho""",
    "CO": """bogota, bogota d.c., medellin, cali, barranquilla, cartagena, bucaramanga, pereira,
        manizales, cucuta, ibague, santa marta, villavicencio""",
    "CL": "santiago, santiago de chile, valparaiso, concepcion, antofagasta, viña del mar, temuco",
    "MX": """ciudad de mexico, cdmx, guadalajara, monterrey, puebla, tijuana, queretaro, merida,
        leon, toluca, cancun, zapopan""",
    "AR": "buenos aires, cordoba, rosario, mendoza, la plata, mar del plata, tucuman, salta",
    "BR": """sao paulo, rio de janeiro, belo horizonte, brasilia, salvador, fortaleza, curitiba,
        recife, porto alegre, manaus, campinas, florianopolis, goiania, belem, vitoria, natal,
        joao pessoa, sao jose dos campos, ribeirao preto, santos, osasco, guarulhos, sorocaba,
        niteroi, joinville, londrina, uberlandia""",
    "EC": "quito, guayaquil, cuenca, ambato, loja, machala, manta",
    "BO": "la paz, santa cruz de la sierra, cochabamba, sucre, el alto, tarija, oruro",
    "UY": "montevideo, salto, maldonado, punta del este",
    "PY": "asuncion, ciudad del este, encarnacion",
    "VE": "caracas, maracaibo, maracay, barquisimeto",
    "CR": "san jose, heredia, alajuela, cartago",
    "PA": "ciudad de panama, panama city",
    "GT": "ciudad de guatemala, quetzaltenango",
    "HN": "tegucigalpa, san pedro sula",
    "SV": "san salvador",
    "NI": "managua",
    "DO": "santo domingo, santiago de los caballeros",
    "ES": "madrid, barcelona, valencia, sevilla, malaga, bilbao, zaragoza",
    "PT": "lisboa, porto, braga, coimbra",
    "US": """new york, miami, houston, los angeles, san francisco, austin, chicago, seattle,
        boston, atlanta, dallas""",
    "GB": "london, manchester",
    "CA": "toronto, vancouver, montreal",
    "DE": "berlin, munich",
}
# Districts count as places, but a CV that names one and a city lives in the city.
DISTRICTS: Final = {
    "PE": """miraflores, san isidro, santiago de surco, surco, san borja, la molina, los olivos,
        san miguel, jesus maria, pueblo libre, magdalena del mar, lince, barranco, chorrillos,
        ate, comas, san juan de lurigancho, san martin de porres, villa el salvador, breña,
        surquillo, cayma, yanahuara, cerro colorado, wanchaq, rimac, la victoria, independencia"""
}


def _pairs(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(name.strip(), code) for code, names in table.items() for name in names.split(",")]


COUNTRY_TRIE: Final = Trie(_pairs(COUNTRIES))
CITY_TRIE: Final = Trie(_pairs(CITIES) + _pairs(DISTRICTS))
DISTRICT_NAMES: Final = frozenset(name for name, _ in _pairs(DISTRICTS))


def is_place(text: str) -> bool:
    """Say whether a short text is nothing but a place: "Lima, Perú", "São Paulo - SP"."""
    left = len(text)
    hits = CITY_TRIE.find(text) + COUNTRY_TRIE.find(text)
    if not hits:
        return any(word in REMOTE for word in text.casefold().replace("(", " ").split())
    left -= sum(hit.end - hit.start for hit in hits)
    return left <= 6


REMOTE: Final = frozenset(
    ("remoto", "remote", "remota", "híbrido", "hybrid", "hibrido", "presencial", "remoto)")
)
