# requirements:

"""Words that say something about any story, in the languages that sources use most.

Days and months, names that everybody has heard of, words that give a thing its name, kinds of
events. None of them decides alone: a word that is missing here makes a story harder to recognise,
not impossible.
"""

from functools import lru_cache

CALENDAR = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may
    june july august september october november december montag dienstag mittwoch donnerstag
    freitag samstag sonnabend sonntag januar februar märz mai juni juli oktober dezember lundi
    mardi mercredi jeudi vendredi samedi dimanche janvier février mars avril juin juillet août
    septembre octobre novembre décembre lunes martes miércoles jueves viernes sábado domingo enero
    febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunedì
    martedì mercoledì giovedì venerdì sabato domenica segunda-feira terça-feira quarta-feira
    quinta-feira sexta-feira janeiro fevereiro março maio junho julho setembro outubro novembro
    dezembro maandag dinsdag woensdag donderdag vrijdag zaterdag zondag""".split()
)

# Written with a capital beside a name, and no name: offices, forms of address, bodies that every
# country, company or town has.
OFFICES = frozenset(
    """mr mrs ms miss dr prof sir lord lady rev hon rt st jr president vice prime minister
    secretary chancellor governor mayor senator representative congressman congresswoman
    chairman chairwoman chair chief executive officer director manager general colonel captain
    sergeant judge justice attorney professor doctor king queen prince princess bishop pope
    ambassador commissioner spokesman spokeswoman spokesperson founder editor reporter author
    picture photo ministry department office agency authority commission committee council court
    university college school institute association foundation police army navy bank company
    corporation group inc corp ltd llc co gmbh ag herr frau präsident präsidentin kanzler
    kanzlerin ministerin bürgermeister bürgermeisterin direktor direktorin sprecher sprecherin
    chef chefin professorin ministerium amt behörde polizei gericht universität schule m mme
    monsieur madame président présidente ministre maire directeur directrice ministère
    préfecture tribunal université señor señora presidente presidenta ministro ministra alcalde
    alcaldesa directora ministerio policía universidad senhor senhora prefeito prefeita diretor
    diretora ministério polícia universidade signor signora sindaco direttore direttrice
    ministero polizia tribunale università heer mevrouw premier burgemeester ministerie politie
    rechtbank universiteit президент министр директор министерство полиция""".split()
)

# Before a name, or where a sentence could have a small letter: no name either.
BESIDE_NAMES = frozenset(
    """north south east west northern southern eastern western central upper lower greater new old
    i i'm i've i'd i'll""".split()
)


def _forms(words: str) -> frozenset[str]:
    """Return the words as they are compared: without the s of a plural."""
    return frozenset(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in words.split()
    )


# In about one news item of fifty each. Without months of items to count, a collection takes them
# for rare. What ministries are named after is among them, and the first names of those whom
# everybody knows.
WELL_KNOWN = _forms(
    """africa america asia australia europe china chinese russia russian ukraine india indian japan
    japanese germany german france french britain british england london paris berlin brussels
    washington york california canada mexico brazil italy spain israel iran turkey korea taiwan
    european american african asian united states kingdom nation union congress senate parliament
    google apple microsoft amazon facebook meta twitter openai anthropic nvidia intel amd ibm tesla
    spacex nasa samsung netflix youtube github linux android windows iphone chrome firefox mozilla
    python rust java javascript wikipedia bitcoin internet trump biden obama putin deutschland
    frankreich europa españa alemania francia allemagne chine chinois россия сша украина
    donald joe barack vladimir house white republican democrat democratic
    energy treasury justice defense defence health education labor labour agriculture transport
    transportation environment interior state foreign finance commerce trade homeland security
    veterans housing environmental federal national international""",
)

# In about one of a hundred each: countries, states, large cities, and those who live there.
PLACES = _forms(
    """afghanistan algeria angola argentina armenia austria azerbaijan bangladesh belarus belgium
    bolivia bosnia bulgaria cambodia cameroon chile colombia congo croatia cuba cyprus denmark
    ecuador egypt estonia ethiopia finland georgia ghana greece guatemala haiti honduras hungary
    iceland indonesia iraq ireland jamaica jordan kazakhstan kenya kosovo kuwait latvia lebanon
    libya lithuania luxembourg madagascar malaysia mali malta moldova mongolia morocco mozambique
    myanmar nepal netherlands nicaragua niger nigeria norway pakistan palestine panama paraguay
    peru philippines poland portugal qatar romania rwanda arabia scotland senegal serbia singapore
    slovakia slovenia somalia sudan sweden switzerland syria tanzania thailand tunisia uganda
    emirates uruguay uzbekistan venezuela vietnam wales yemen zambia zimbabwe zealand
    alabama alaska arizona arkansas colorado connecticut delaware florida hawaii idaho illinois
    indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota
    mississippi missouri montana nebraska nevada hampshire jersey carolina dakota ohio oklahoma
    oregon pennsylvania tennessee texas utah vermont virginia wisconsin wyoming ontario quebec
    amsterdam ankara athens atlanta baghdad bangkok barcelona beijing boston budapest cairo
    chicago copenhagen dallas delhi denver detroit dubai dublin francisco frankfurt geneva
    hamburg helsinki hollywood houston istanbul jakarta jerusalem kiev kyiv lagos lisbon los
    angeles madrid manchester manhattan melbourne miami milan montreal moscow mumbai munich
    nairobi orlando oslo philadelphia phoenix prague rome san diego seattle seoul shanghai
    stockholm sydney tehran tokyo toronto vancouver vegas vienna warsaw zurich
    austrian belgian danish dutch egyptian finnish greek hungarian iranian iraqi irish israeli
    italian korean mexican norwegian pakistani polish portuguese romanian saudi scottish spanish
    swedish swiss syrian turkish ukrainian welsh""",
)

# Whoever has a registered flaw named so has given the flaw another name.
NAMING = frozenset(
    """called calling dubbed named nicknamed codenamed genannt getauft appelé appelée baptisé
    baptisée surnommé surnommée llamado llamada apodado apodada bautizado bautizada chamado chamada
    apelidado apelidada batizado batizada chiamato chiamata soprannominato soprannominata
    ribattezzata genoemd gedoopt назвали названа названная""".split()
)

# A name behind one of these belongs to one event.
NAMED_STORMS = frozenset(
    """storm hurricane typhoon cyclone sturm orkan hurrikan taifun zyklon tempête ouragan typhon
    tormenta borrasca huracán tifón ciclón tempestade furacão tufão ciclone tempesta uragano tifone
    orkaan шторм ураган тайфун циклон""".split()
)

# Beginnings of words; `=` before one that has to stand alone.
KINDS = {
    "flaw": """vulnerab vulnérab flaw exploit zero-day =0-day =rce =cve schwachstelle
        sicherheitslücke faille vulnerabil kwetsbaarhe уязвимост 漏洞 脆弱""",
    "breach": """breach intruder hacked hacker ransomware datenleck gehackt hackerangriff piratage
        ciberataque cyberattack cyberangriff attacco взлом хакер 黑客 泄露""",
    "layoffs": """layoff dismissal redundanc =laid entlass stellenabbau licenci despid demiss
        licenziament ontslag увольнен сокращен 裁员 解雇 リストラ""",
    "strike": """strike striking walkout streik grève huelga greve sciopero staking забастовк
        罢工 スト""",
    "quake": """earthquake quake aftershock magnitude erdbeben nachbeben séisme tremblement sismo
        terremoto aardbeving землетрясен 地震""",
    "storm": """=storm gale hurricane typhoon cyclone tornado sturm orkan hurrikan taifun tempête
        ouragan tormenta borrasca huracán tifón tempestade furacão tempesta uragano шторм ураган
        тайфун 台风 台風""",
    "flood": """flood hochwasser überschwemm überflut inondat inundaci inundaç alluvion overstrom
        наводнен 洪水""",
    "fire": """wildfire blaze =fire waldbrand großbrand incendi bosbrand пожар 火灾 火事""",
    "volcano": """volcan vulkan eruption erupt erupci erupç вулкан 火山""",
    "crash": """crash collision derail collided absturz abgestürzt unglück entgleis accident
        accidente acidente incidente ongeluk авари крушен 坠毁 事故""",
    "outage": """outage downtime offline =down ausfall störung panne interrupci apagón apagão
        blackout guasto storing сбо 故障 障害""",
    "vote": """election electoral referendum voter polling wahl wähler abstimmung élection scrutin
        référendum elecci elector eleiç elezion verkiezing выбор голосован 选举 選挙""",
    "court": """lawsuit verdict ruling =rule =ruled =sue =sued sentence appeal klage urteil procès
        jugement demanda sentencia juicio sentença julgament sentenza rechtszaak приговор
        判决 判決""",
    "takeover": """merger merge takeover acquisition acquire buyout übernahme übernimmt fusion
        rachat rachète adquisici adquiere compra aquisiç acquisizion overname слияни поглощен
        收购 買収""",
    "space launch": """launch scrub lift-off liftoff orbit spaceflight décolla despeg decolou lancio
        lanceer запуск 发射 発射""",
    "recall": """recall recalled rückruf zurückgerufen rappel retirada richiamo terugroep отзыв
        召回 リコール""",
    "outbreak": """outbreak epidemic pandemic infection ausbruch épidémie brote surto epidemia
        focolaio uitbraak вспышк эпидеми 疫情 感染""",
    "resignation": """resign resigns resigned resignation step-down rücktritt zurückgetreten
        démission dimite dimisi renuncia renúncia dimission
        aftreden ontslagneming отставк 辞职 辞任""",
}
_ALONE = {
    word[1:]: kind for kind, words in KINDS.items() for word in words.split() if word[0] == "="
}
_BEGINNING = {
    kind: tuple(word for word in words.split() if word[0] != "=") for kind, words in KINDS.items()
}


@lru_cache(maxsize=65_536)
def kind_of(form: str) -> str:
    """Return the kind of event that a word in small letters tells of, or nothing."""
    if form in _ALONE:
        return _ALONE[form]
    return next((kind for kind, words in _BEGINNING.items() if form.startswith(words)), "")
