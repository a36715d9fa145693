"""Business, care and trade skills in three languages, in the format of `technical`."""

from typing import Final

TERMS: Final = """
[office]
Excel = microsoft excel, ms excel, hojas de calculo, spreadsheets, planilhas
!Word = microsoft word, ms word
PowerPoint = power point, microsoft powerpoint, ms powerpoint
!Outlook = microsoft outlook, ms outlook
!Access = microsoft access, ms access
Microsoft Office = ms office, office 365, microsoft 365, paquete office, pacote office, ofimatica
Google Workspace = g suite, google docs, google sheets, google drive
SharePoint
!Teams = microsoft teams, ms teams
Power Automate = microsoft power automate
Power Apps = powerapps
!Slack
!Notion
!Trello
Asana
Tablas dinámicas = tablas dinamicas, pivot tables, tabelas dinamicas
RPA = robotic process automation, automatizacion robotica, uipath, ui path, automation anywhere
[erp and crm]
SAP = sap erp, sap r/3, sap r3, sap s/4hana, s/4hana, sap hana, s4hana, sap ecc, sap business one
SAP FI = sap fico, sap fi/co, sap co, sap fi-co, modulo fi
SAP MM = modulo mm
SAP SD = modulo sd
SAP PM = modulo pm
SAP HCM = sap hr, sap successfactors, successfactors
Oracle ERP = oracle e-business suite, oracle financials, oracle fusion, jd edwards, netsuite
PeopleSoft
Microsoft Dynamics = dynamics 365, dynamics crm, dynamics nav, dynamics ax, business central
Odoo
TOTVS = totvs protheus, protheus
Concar = concar sql
Siscont = sistema siscont
Starsoft = star soft
Defontana
Salesforce = sales force
HubSpot = hub spot
Zoho CRM = zoho
CRM = sistemas crm, gestion de crm
ERP = sistemas erp, sistema erp
Zendesk
[accounting and finance]
Contabilidad = accounting, contabilidade, contabilidad general, contabilidad financiera
Contabilidad de costos = cost accounting, contabilidad de costes, contabilidade de custos
+ ~costos, gestion de costos
Auditoría = auditoria, auditing, audit, auditoria interna, auditoria externa, internal audit
Tributación = impuestos, tributacion, taxation, tax compliance, tributos
+ declaraciones tributarias
Planilla = planillas de remuneraciones, payroll, nomina, folha de pagamento
+ planilla electronica, plame, t-registro
SUNAT = declaraciones sunat, pdt, !SIRE, libros electronicos, !PLE
Conciliaciones bancarias = conciliacion bancaria, bank reconciliation, conciliacao bancaria
Estados financieros = financial statements, demonstracoes financeiras, estados contables
NIIF = ifrs, normas internacionales de informacion financiera
Cierre contable = cierre mensual, month-end close, fechamento contabil, month end closing
Cuentas por pagar = accounts payable, contas a pagar
Cuentas por cobrar = accounts receivable, contas a receber
Cobranzas = cobranza, collections, debt collection, recuperacion de cartera
Facturación = facturacion, invoicing, billing, facturacion electronica, faturamento
Tesorería = treasury, tesouraria, tesoreria
Flujo de caja = cash flow, fluxo de caixa, flujos de caja
Presupuestos = presupuesto, budgeting, orcamento, budget, elaboracion de presupuestos
Análisis financiero = financial analysis, analise financeira, analisis de estados financieros
Planeamiento financiero = financial planning, fp&a, planificacion financiera
Modelamiento financiero = financial modeling, modelado financiero, modelagem financeira
Finanzas = finance, finanzas corporativas, corporate finance, financas
Valorización = valorizacion de empresas, valuation
~Créditos = evaluacion crediticia, analisis crediticio, credit analysis, analise de credito
~Riesgos = gestion de riesgos, risk management, gestao de riscos, riesgo crediticio
~Seguros = ~insurance
~Banca = banking, banca comercial, productos bancarios
Activos fijos = fixed assets, activo fijo
~Caja = manejo de caja, arqueo de caja, cuadre de caja, cash handling, operacion de caja
Matemática financiera = matematicas financieras, matematica financeira
Bloomberg = bloomberg terminal
Prevención de lavado de activos = aml, anti money laundering, plaft, splaft
[sales and service]
Ventas = sales, vendas, ventas corporativas, ventas b2b, b2b sales, venta consultiva
+ fuerza de ventas
Televentas = telemarketing, telesales, ventas por telefono
Atención al cliente = customer service, atencion a clientes, servicio al cliente
+ customer support, atendimento ao cliente, customer care, atencion al publico
+ atendimento ao publico
Experiencia del cliente = customer experience, experiencia do cliente
Fidelización = customer retention, retencion de clientes, fidelizacion de clientes
Negociación = negociacion, negotiation, negociacao, negociaciones
Gestión comercial = gestion de ventas, sales management, gestao comercial
Prospección = prospeccion de clientes, prospecting, prospeccao, captacion de clientes
Gestión de cuentas = account management, key account management, gestao de contas
Call center = contact center, centro de llamadas
Postventa = post venta, after sales, servicio post venta
Merchandising = trade marketing, visual merchandising
Retail = ventas al detalle, varejo
E-commerce = ecommerce, comercio electronico, comercio eletronico
Quejas y reclamos = manejo de reclamos, complaint handling, libro de reclamaciones, reclamos
[marketing]
Marketing = mercadotecnia, mercadeo
Marketing digital = digital marketing, marketing online
Redes sociales = social media, gestion de redes sociales, community management, midias sociales
SEO = posicionamiento web
!SEM = google ads, google adwords, adwords
Meta Ads = facebook ads, instagram ads
Google Analytics = ga4
Email marketing = mailchimp
Marketing de contenidos = content marketing, marketing de conteudo, creacion de contenido
Copywriting = redaccion publicitaria
Investigación de mercados = market research, pesquisa de mercado, estudios de mercado
Publicidad = advertising, publicidade
Relaciones públicas = public relations, relacoes publicas
Comunicación corporativa = corporate communications, comunicacion interna
Organización de eventos = event planning, organizacao de eventos
Redacción = redaccion de textos, redaccion de informes, redacao
[people]
Recursos humanos = human resources, gestion del talento, gestion humana, talento humano
Reclutamiento y selección = reclutamiento, recruiting, recruitment, seleccion de personal
+ recrutamento e selecao, talent acquisition, recrutamento
Capacitación = capacitaciones, training and development, treinamento e desenvolvimento
Clima laboral = clima organizacional, employee engagement
Evaluación de desempeño = performance management, avaliacao de desempenho
Compensaciones = compensation and benefits, compensaciones y beneficios, remuneraciones
Legislación laboral = derecho laboral, labor law, legislacao trabalhista, normativa laboral
Bienestar social = bienestar laboral
Seguridad y salud en el trabajo = sst, seguridad y salud ocupacional, ssoma
+ occupational health and safety, seguranca do trabalho, ssomac, seguridad industrial, sgsst
IPERC = iperc continuo
[management]
Gestión de proyectos = project management, gestao de projetos, administracion de proyectos
+ gerencia de proyectos, direccion de proyectos
PMP = project management professional
PMBOK = pmi
Gestión de equipos = team management, manejo de equipos, manejo de personal, gestao de equipes
Liderazgo = leadership, lideranca, liderazgo de equipos, team leadership
Trabajo en equipo = teamwork, trabalho em equipe, team work
Comunicación efectiva = communication skills, comunicacion asertiva, ~comunicacao, ~comunicacion
Resolución de problemas = problem solving, solucion de problemas, resolucao de problemas
Pensamiento crítico = critical thinking, pensamiento analitico, analytical thinking
~Organización = ~organizacao, capacidad de organizacion
Proactividad = proactivo, proactiva, proatividade, proactive
Adaptabilidad = adaptability, adaptabilidade
Gestión del tiempo = time management, gestao do tempo
Orientación a resultados = results oriented, orientacion al logro
Planificación estratégica = strategic planning, planeamiento estrategico, planejamento estrategico
Gestión del cambio = change management, gestao da mudanca
Mejora continua = continuous improvement, melhoria continua, kaizen
Lean = lean manufacturing, lean management
Six Sigma = lean six sigma, seis sigma, green belt, black belt
Gestión de procesos = bpm, business process management, gestao de processos, mapeo de procesos
Gestión de la calidad = quality management, gestao da qualidade, control de calidad
+ quality control, controle de qualidade
ISO 9001 = iso 9001:2015
ISO 14001
ISO 45001 = ohsas 18001
KPIs = indicadores de gestion, indicadores de desempeno, kpi, indicadores de desempenho
Balanced Scorecard = cuadro de mando integral, bsc
OKRs = okr
Análisis de negocio = business analysis, business analyst, analise de negocios
Levantamiento de requerimientos = requirements gathering, levantamento de requisitos
+ requerimientos
Product management = gestion de producto, gestion de productos, product owner, gestao de produto
Scrum Master = certified scrum master, csm
Business intelligence = inteligencia de negocios, inteligencia de negocio
~Administración = administracion de empresas, business administration, ~administracao
Gestión documental = archivo documentario, document management, manejo de archivo
+ gestion de archivos
Asistencia administrativa = administrative support, apoyo administrativo
Gestión de agenda = manejo de agenda, calendar management
Trámite documentario = tramites documentarios
Contrataciones con el Estado = contrataciones del estado, ley de contrataciones, seace, osce
Gestión pública = public management, administracion publica, gestao publica
SIAF = siaf-sp
[logistics]
Logística = logistics, logistica, logistica integral
Cadena de suministro = supply chain, supply chain management, cadeia de suprimentos
Compras = purchasing, procurement, abastecimiento, compras corporativas, suprimentos
Almacén = almacenes, warehouse, gestion de almacenes, warehousing, almacenamiento, armazem
Inventarios = inventario, inventory, control de inventarios, inventory management, estoque
+ control de stock, controle de estoque, manejo de inventarios, inventory control
Kardex
~Distribución = ~distribution, ~distribuicao
~Transporte = gestion de transporte, ~transportation
Comercio exterior = foreign trade, comercio exterior y aduanas, importaciones, exportaciones
+ comercio internacional
Aduanas = customs, desaduanaje, agenciamiento de aduanas
Incoterms = incoterms 2020
Picking = picking y packing, picking and packing, order picking
Montacargas = forklift, operacion de montacargas, empilhadeira
WMS = warehouse management system
Planificación de la producción = production planning, pcp, planeamiento de produccion
Buenas prácticas de manufactura = bpm alimentos, good manufacturing practices, gmp
HACCP
[health and education]
Enfermería = nursing, enfermagem, cuidados de enfermeria
Primeros auxilios = first aid, primeiros socorros
RCP = soporte vital basico, bls, basic life support
Farmacia = pharmacy, dispensacion
Historias clínicas = historia clinica, medical records
Psicología = psychology, psicologia
~Terapia = psicoterapia, ~therapy
Nutrición = nutricion, nutrition, nutricao
Laboratorio clínico = ~laboratorio, ~laboratory
Docencia = teaching, ensenanza, docencia universitaria, ensino
Planificación curricular = diseno curricular, curriculum design
Educación inicial = early childhood education
Moodle = blackboard lms, canvas lms
[law]
~Derecho = derecho civil, derecho corporativo, derecho penal, ~law
Contratos = redaccion de contratos, contract drafting, elaboracion de contratos
+ contratos laborales
Litigios = litigation, procesos judiciales
Compliance = cumplimiento normativo
Propiedad intelectual = intellectual property, indecopi
Protección de datos = data protection, datos personales ley 29733
[trades and hospitality]
~Cocina = gastronomia, cocina peruana, culinaria
Pastelería = panaderia, pasteleria y panaderia, baking
~Bar = barista, bartender, cocteleria
Hotelería = hoteleria, hospitality, recepcion hotelera, front desk
~Turismo = ~tourism
~Limpieza = ~cleaning, housekeeping, ~limpeza
~Seguridad = vigilancia, seguridad privada, security guard
~Conducción = licencia a-i, licencia a1, licencia de conducir, driving licence, driver's license
+ licencia aiib, carteira de motorista
Mecánica automotriz = automotive mechanics, mecanica automotriz
~Electricidad = electricista, electricidad industrial, electrical work
Gasfitería = plumbing, gasfiteria
Carpintería = carpentry, carpinteria
Confección textil = confecciones, costura, sewing
Agronomía = agriculture, cultivos, agricultura
Gestión ambiental = environmental management, medio ambiente, gestao ambiental
Responsabilidad social = social responsibility, sostenibilidad, sustainability, sustentabilidade
"""
