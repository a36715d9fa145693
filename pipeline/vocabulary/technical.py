"""Technical skills: one a line, `Canonical = alias, alias`, under their category.

A leading `!` asks for the spelling of the entry (or capitals), for names that are plain words;
a leading `?` asks for that and for a list around the word ("Python, R, Go"), for names of a
letter or two; a leading `~` asks for the list alone. A line that begins with `+` continues.
"""

from typing import Final

TERMS: Final = """
[programming]
Python = python3, python 3
Java = java 8, java 11, java 17, java se, java ee, j2ee, jakarta ee
JavaScript = js, ecmascript, es6, java script
TypeScript = ts, type script
C# = c sharp, csharp
C++ = cpp, c plus plus
?C = lenguaje c, linguagem c, ansi c
?Go = golang, lenguaje go
?R = rstudio, r studio, lenguaje r, linguagem r, r programming
!Rust = lenguaje rust
PHP = php 7, php 8
Ruby = lenguaje ruby
Ruby on Rails = rails, ror
Kotlin
!Swift = swiftui, swift ui
!Scala
Objective-C = objective c
Perl
MATLAB = mat lab
Visual Basic = vb.net, vb net, visual basic 6, vb6
VBA = macros en excel, macros excel, excel vba, macros de excel, macros vba, excel macros
COBOL
ABAP = sap abap
Bash = shell scripting, bash scripting, shell script, scripts bash
PowerShell = power shell
HTML = html5, html 5
CSS = css3, css 3
Sass = scss
!Dart
Elixir
Solidity
Delphi
RPG AS/400 = as/400, as400, ibm i, iseries
LabVIEW = lab view
Assembler = assembly, lenguaje ensamblador
[web]
React = react.js, reactjs
React Native
Angular = angularjs, angular.js
Vue.js = vue, vuejs, vue 3
Next.js = nextjs
Nuxt.js = nuxt, nuxtjs
Svelte = sveltekit
Node.js = nodejs, node js, !node
Express.js = expressjs
NestJS = nest.js
Django = django rest framework, drf
Flask
FastAPI = fast api
Litestar
Spring Boot = springboot, spring framework, spring mvc, spring cloud, java spring
Hibernate = jpa
.NET = .net core, dotnet, dot net, asp.net, asp.net core, asp net, net core, net framework
Laravel
Symfony
CodeIgniter
WordPress = word press, woocommerce
Shopify
Magento = adobe commerce
Drupal
jQuery
Bootstrap
Tailwind CSS = tailwind, tailwindcss
GraphQL = graph ql
REST APIs = api rest, apis rest, rest api, restful, restful apis, servicios rest, rest services
SOAP = servicios soap
Microservices = microservicios, microservicos, micro services, arquitectura de microservicios
WebSockets = websocket, web sockets
Redux
Vite
Webpack
Flutter
Android = desarrollo android, android studio
iOS = desarrollo ios, xcode
Ionic
Xamarin
Web development = desarrollo web, desenvolvimento web, desarrollo de paginas web
Front-end = frontend, front end, desarrollo frontend
Back-end = backend, back end, desarrollo backend
Full-stack = fullstack, full stack
[data]
SQL = lenguaje sql, consultas sql, sql queries, linguagem sql
PostgreSQL = postgres, postgre sql, pgsql
MySQL = my sql, mariadb
SQL Server = mssql, ms sql, microsoft sql server, t-sql, transact sql, tsql
Oracle Database = oracle db, pl/sql, plsql, oracle sql, !oracle
MongoDB = mongo db, mongo
Redis
SQLite
Cassandra = apache cassandra
DynamoDB = dynamo db
Elasticsearch = elastic search, elk stack, elk, opensearch
Neo4j
Snowflake
BigQuery = big query
Redshift = amazon redshift
Databricks
Apache Spark = pyspark, spark sql, !spark
Hadoop = hdfs, mapreduce
Hive = apache hive
Apache Kafka = kafka
RabbitMQ = rabbit mq
Airflow = apache airflow
dbt = data build tool
ETL = elt, procesos etl, pipelines de datos, data pipelines
SSIS = integration services
Talend
Informatica PowerCenter = powercenter
Data warehousing = data warehouse, datawarehouse, almacen de datos
Data modeling = modelado de datos, modelamiento de datos, modelagem de dados
Databases = bases de datos, base de datos, bancos de dados, banco de dados
Data analysis = analisis de datos, analise de dados, data analytics, analitica de datos, analytics
Data science = ciencia de datos, ciencia de dados
Data engineering = ingenieria de datos, engenharia de dados
Big Data = bigdata
Machine learning = aprendizaje automatico, aprendizado de maquina, aprendizaje de maquina
Deep learning = aprendizaje profundo, redes neuronales, neural networks
NLP = natural language processing, procesamiento de lenguaje natural
Computer vision = vision artificial, vision por computadora, visao computacional
Artificial intelligence = inteligencia artificial, generative ai, ia generativa
LLMs = large language models, modelos de lenguaje, llm
Prompt engineering = ingenieria de prompts
TensorFlow = tensor flow
PyTorch
scikit-learn = sklearn, scikit learn
pandas
NumPy
Keras
Jupyter = jupyter notebook
Statistics = estadistica, statistical analysis, analisis estadistico, estatistica
SPSS = ibm spss
Stata
SAS = sas base, sas enterprise guide
EViews
Minitab
Power BI = powerbi, dax, microsoft power bi
Power Query = powerquery
Tableau
!Looker = looker studio, data studio, google data studio
QlikView = qlik, qlik sense, qliksense
Metabase
Grafana
Web scraping = scraping
[cloud]
AWS = amazon web services, amazon aws
Azure = microsoft azure
Google Cloud = gcp, google cloud platform
Firebase
Docker = contenedores docker, containers docker
Kubernetes = k8s, eks, aks, gke
OpenShift
Terraform
Ansible
Jenkins
GitHub Actions
GitLab CI = gitlab ci/cd
CI/CD = ci cd, integracion continua, continuous integration, integracao continua
DevOps = dev ops
Helm = helm charts
Prometheus
Datadog
New Relic
Nginx
Apache HTTP Server = apache http, apache server
Tomcat = apache tomcat
Linux = ubuntu, debian, centos, red hat, redhat, rhel, gnu/linux
Unix
Windows Server = active directory, directorio activo
VMware = vsphere, esxi
Hyper-V = hyper v
Virtualization = virtualizacion, virtualizacao
Serverless = aws lambda, lambda functions
Heroku
Vercel
Cloud computing = computacion en la nube, computacao em nuvem
Site reliability engineering = sre
[engineering practice]
Git = git flow, gitflow
GitHub
GitLab
Bitbucket
Subversion = svn
Scrum = metodologia scrum, scrum framework
Kanban
Agile = metodologias agiles, metodologia agil, metodologias ageis, marcos agiles, agile methods
SAFe = scaled agile framework
Jira = atlassian jira
Confluence
Azure DevOps = tfs, team foundation server
Design patterns = patrones de diseno, padroes de projeto
Software architecture = arquitectura de software, arquitetura de software
Clean architecture = arquitectura limpia, arquitectura hexagonal, hexagonal architecture
Domain-driven design = ddd
Object-oriented programming = oop, poo, programacion orientada a objetos
Unit testing = pruebas unitarias, testes unitarios, unit tests
Test automation = automatizacion de pruebas, automatizacion de tests, automated testing
Software testing = pruebas de software, testing de software, testes de software, qa testing
Quality assurance = aseguramiento de la calidad, aseguramiento de calidad, garantia de qualidade
Functional testing = pruebas funcionales, testes funcionais
TDD = test driven development
Selenium = selenium webdriver
Cypress
Playwright
JUnit
pytest
Postman
SoapUI
JMeter = apache jmeter
Appium
Cucumber = gherkin, bdd
SonarQube = sonar qube
UML = diagramas uml
BPMN = bpmn 2.0
Swagger = openapi, open api
[infrastructure]
Computer networks = redes de computadoras, redes informaticas, networking, administracion de redes
TCP/IP = tcp ip
Cisco = cisco ios, routers cisco, switches cisco
CCNA = cisco ccna
Routing and switching = enrutamiento, switching y routing
Firewalls =  fortinet, fortigate, palo alto networks
VPN = vpns
MikroTik
Structured cabling = cableado estructurado, cabeamento estruturado
Fibre optics = fibra optica, fiber optics, fibre optic
Telephony = telefonia ip, voip, asterisk
Cybersecurity = ciberseguridad, seguridad informatica, ciberseguranca, cyber security
Information security = seguridad de la informacion, seguranca da informacao
ISO 27001 = iso/iec 27001, iso iec 27001
Ethical hacking = hacking etico, pentesting, penetration testing, pruebas de penetracion
SIEM = splunk, qradar
Technical support = soporte tecnico, suporte tecnico, help desk, helpdesk, mesa de ayuda
Hardware maintenance = mantenimiento de computadoras, mantenimiento de equipos de computo
ITIL = itil v3, itil 4, itil foundation
COBIT
ServiceNow = service now
[engineering]
AutoCAD = auto cad, autocad 2d, autocad 3d
SolidWorks = solid works
Revit = autodesk revit
Civil 3D = autocad civil 3d
BIM = building information modeling
SketchUp = sketch up
ETABS
SAP2000
!Inventor = autodesk inventor
CATIA
ANSYS
Navisworks
ArcGIS = arc gis
QGIS
GIS = sistemas de informacion geografica
S10 Costos = s10 costos y presupuestos, s10 presupuestos
MS Project = microsoft project, ms-project
Primavera P6 = primavera
PLC = plcs, programacion de plc, siemens plc, step 7, tia portal
SCADA = sistemas scada
Industrial automation = automatizacion industrial, automacao industrial
Instrumentation = instrumentacion, instrumentacao
Robotics = robotica
Arduino
Embedded systems = sistemas embebidos, sistemas embarcados
Electrical installations = instalaciones electricas, instalacoes eletricas
Mechanical maintenance = mantenimiento mecanico, manutencao mecanica
Preventive maintenance = mantenimiento preventivo, manutencao preventiva
Corrective maintenance = mantenimiento correctivo, manutencao corretiva
Hydraulics = hidraulica
Pneumatics = neumatica
Welding = soldadura, soldagem
Topography = topografia, estacion total
Concrete works = concreto armado, concreto
Construction supervision = supervision de obras, residente de obra, supervisao de obras
Unit price analysis = analisis de precios unitarios, metrados, metrados y presupuestos
Mining operations = operaciones mineras, perforacion y voladura, mina subterranea
Geology = geologia, geomecanica
MineSight = minesight, datamine, leapfrog
[design]
Photoshop = adobe photoshop
!Illustrator = adobe illustrator
InDesign = adobe indesign
Premiere Pro = adobe premiere, adobe premiere pro
After Effects = adobe after effects
CorelDRAW = corel draw
Figma
!Sketch = sketch app
Adobe XD
Canva
Blender
!Unity = unity 3d
Unreal Engine
3ds Max = 3d max, 3d studio max
Graphic design = diseno grafico, design grafico
UX design = diseno ux, user experience, experiencia de usuario, ux research, ux
UI design = diseno ui, user interface, ux/ui, ui/ux, diseno de interfaces
Video editing = edicion de video, edicion de videos, edicao de video
Photography = fotografia
Branding = identidad de marca, identidad corporativa
"""
