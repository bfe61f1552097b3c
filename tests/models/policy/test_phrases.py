"""Phrases that ask for a person: thirteen languages, negation, lookalikes, answers to an offer (rows S-04, M-03)."""

import time

import pytest

from models.phrases import LANGUAGES, find_answer, find_request

REQUESTS = {
    "en": [
        "I want to speak to a human",
        "get me a real person",
        "talk to an agent",
        "can I talk to someone please",
        "agent please",
        "human",
        "this is useless, get me a real person",
        "connect me with a representative",
        "I need to speak with a manager",
        "put me through to customer service",
        "Is there a real person I can talk to?",
        "not a bot, I want a human",
        "don't make me talk to a bot get me a human",
    ],
    "es": [
        "quiero hablar con un agente",
        "Necesito hablar con una persona real",
        "pásame con un humano por favor",
        "agente",
        "¿puedo hablar con alguien?",
        "comuníqueme con un asesor",
        "Me gustaría que me atienda una persona",
    ],
    "fr": [
        "je veux parler à un conseiller",
        "passez-moi un humain svp",
        "J'aimerais parler avec quelqu'un",
        "un agent s'il vous plaît",
        "mettez-moi en relation avec une vraie personne",
        "Puis-je parler à un être humain ?",
    ],
    "de": [
        "Ich möchte mit einem Menschen sprechen",
        "Verbinden Sie mich mit einem Mitarbeiter",
        "Mitarbeiter bitte",
        "kann ich mit jemandem reden?",
        "ich will einen echten Menschen",
        "Ich brauche einen Berater",
    ],
    "it": [
        "vorrei parlare con un operatore",
        "passami una persona vera",
        "operatore per favore",
        "posso parlare con qualcuno?",
        "ho bisogno di un essere umano",
        "mi metta in contatto con un responsabile",
    ],
    "pt": [
        "quero falar com um atendente",
        "preciso falar com uma pessoa",
        "atendente, por favor",
        "me transfere para um humano",
        "posso falar com alguém?",
        "gostaria de um atendente humano",
    ],
    "nl": [
        "ik wil een medewerker spreken",
        "kan ik met een echt mens praten?",
        "verbind me door met een collega",
        "medewerker graag",
        "ik wil met iemand praten",
        "kan ik een mens aan de lijn krijgen",
    ],
    "pl": [
        "chcę rozmawiać z człowiekiem",
        "proszę połączyć mnie z konsultantem",
        "konsultant",
        "czy mogę porozmawiać z kimś?",
        "potrzebuję pracownika",
        "dajcie mi żywego człowieka",
    ],
    "tr": [
        "bir insanla konuşmak istiyorum",
        "müşteri temsilcisine bağlanmak istiyorum",
        "temsilci lütfen",
        "gerçek biriyle görüşebilir miyim",
        "beni bir yetkiliye bağlayın",
        "canlı destek istiyorum",
    ],
    "ar": [
        "أريد التحدث مع موظف",
        "حولني إلى شخص حقيقي",
        "أريد أن أتكلم مع إنسان",
        "موظف من فضلك",
        "ممكن أتكلم مع حد",
        "أحتاج موظف خدمة العملاء",
    ],
    "hi": [
        "मुझे किसी इंसान से बात करनी है",
        "मुझे एजेंट से बात करवाइए",
        "कृपया मुझे ग्राहक सेवा से जोड़ें",
        "mujhe agent se baat karni hai",
        "एजेंट चाहिए",
        "किसी असली व्यक्ति से बात कराओ",
    ],
    "ja": [
        "人間と話したいです",
        "オペレーターにつないでください",
        "担当者をお願いします",
        "オペレーター",
        "スタッフと話せますか",
        "有人対応を希望します",
    ],
    "zh": [
        "我要转人工",
        "请帮我接人工客服",
        "我想跟真人说话",
        "人工",
        "有没有真人客服",
        "找你们经理",
        "轉接真人",
    ],
}

DECLINED = {
    "en": [
        "no need for an agent",
        "I don't need a human",
        "I do not want to talk to a person",
        "never mind the agent",
        "fix it without talking to an agent",
        "no human needed, thanks",
    ],
    "es": [
        "no necesito un agente",
        "no quiero hablar con una persona",
        "sin hablar con un agente",
    ],
    "fr": [
        "je n'ai pas besoin d'un agent",
        "je ne veux pas parler à un conseiller",
        "pas besoin de parler à quelqu'un",
    ],
    "de": [
        "ich brauche keinen Menschen",
        "ich will nicht mit einem Mitarbeiter sprechen",
        "ein Berater ist nicht nötig, brauche ich nicht",
    ],
    "it": [
        "non voglio parlare con un operatore",
        "non ho bisogno di un operatore",
        "senza parlare con qualcuno",
    ],
    "pt": [
        "não quero falar com um atendente",
        "não preciso de um atendente",
        "sem falar com uma pessoa",
    ],
    "nl": [
        "ik heb geen medewerker nodig",
        "ik wil niet met iemand praten",
        "ik hoef geen mens te spreken",
    ],
    "pl": [
        "nie chcę rozmawiać z konsultantem",
        "nie potrzebuję człowieka",
        "bez rozmowy z konsultantem",
    ],
    "tr": [
        "bir insanla konuşmak istemiyorum",
        "temsilciye gerek yok",
        "temsilciye bağlanmak istemiyorum",
    ],
    "ar": [
        "لا أريد التحدث مع موظف",
        "لا أحتاج إلى موظف",
        "بدون التحدث مع موظف",
    ],
    "hi": [
        "मुझे एजेंट से बात नहीं करनी है",
        "मुझे इंसान नहीं चाहिए",
        "एजेंट की ज़रूरत नहीं चाहिए",
    ],
    "ja": [
        "オペレーターと話したくないです",
        "人間につなぐ必要はありません",
        "担当者は不要です、話したくない",
    ],
    "zh": [
        "我不需要人工客服",
        "不用转人工",
        "我不想跟真人说话",
    ],
}

LOOKALIKES = {
    "en": [
        "I need a travel agent",
        "how do I contact human resources",
        "are you a real person?",
        "am I talking to a human?",
        "where is my order",
        "my real estate agent needs the invoice",
        "how many tickets per person",
        "I want to change my address",
    ],
    "es": [
        "quiero hablar con mi agente de viajes",
        "busco recursos humanos",
        "¿eres un humano?",
        "quiero cambiar mi pedido",
        "necesito un agente de viajes",
    ],
    "fr": [
        "je veux contacter mon agent de voyage",
        "les ressources humaines",
        "êtes-vous un humain ?",
        "je veux changer ma commande",
    ],
    "de": [
        "mein Reiseagent möchte die Rechnung",
        "ich suche die Personalabteilung",
        "bist du ein Mensch?",
        "ich möchte meine Bestellung ändern",
    ],
    "it": [
        "vorrei un agente di viaggio",
        "risorse umane",
        "sei un umano?",
        "voglio cambiare ordine",
    ],
    "pt": [
        "quero um agente de viagens",
        "recursos humanos",
        "você é um humano?",
        "quero mudar meu pedido",
    ],
    "nl": [
        "ik zoek een reisagent",
        "personeelszaken",
        "ben je een mens?",
        "ik wil mijn bestelling wijzigen",
    ],
    "pl": [
        "szukam agenta podróży",
        "dział zasobów ludzkich",
        "czy jesteś człowiekiem?",
        "chcę zmienić zamówienie",
    ],
    "tr": [
        "seyahat acentesi arıyorum",
        "insan kaynakları istiyorum",
        "sen insan mısın?",
        "siparişimi değiştirmek istiyorum",
    ],
    "ar": [
        "أريد وكيل سفر",
        "قسم الموارد البشرية",
        "هل أنت إنسان؟",
        "أريد تغيير طلبي",
    ],
    "hi": [
        "मुझे ट्रैवल एजेंट चाहिए",
        "मानव संसाधन विभाग",
        "क्या आप इंसान हैं?",
        "मुझे अपना ऑर्डर बदलना है",
    ],
    "ja": [
        "旅行代理店を探しています",
        "人事部の連絡先",
        "あなたは人間ですか？",
        "注文を変更したいです",
    ],
    "zh": [
        "人工智能怎么收费",
        "人力资源部门在哪",
        "你是真人吗？",
        "我要改订单",
    ],
}

YES = {
    "en": "Yes please!",
    "es": "Sí, por favor",
    "fr": "oui svp",
    "de": "Ja, bitte",
    "it": "sì grazie",
    "pt": "Sim, por favor",
    "nl": "Ja graag",
    "pl": "tak, proszę",
    "tr": "Evet, lütfen",
    "ar": "نعم من فضلك",
    "hi": "हाँ जी",
    "ja": "はい、お願いします",
    "zh": "好的，谢谢",
}
NO = {
    "en": "No, thanks",
    "es": "no, gracias",
    "fr": "non merci",
    "de": "Nein danke",
    "it": "no grazie",
    "pt": "não, obrigado",
    "nl": "nee, dank je",
    "pl": "nie, dziękuję",
    "tr": "hayır, teşekkürler",
    "ar": "لا شكرا",
    "hi": "नहीं, धन्यवाद",
    "ja": "いいえ、結構です",
    "zh": "不用了，谢谢",
}


def cases(table):
    """Language and text, each with its language told and without."""
    return [(told, language, text) for language, texts in table.items() for text in texts for told in (True, False)]


@pytest.mark.parametrize(("told", "language", "text"), cases(REQUESTS))
def test_requests_are_found(told, language, text):
    """S-04: a request is found in its language, also when nobody told which language it is."""
    found = find_request(text, language if told else None)
    assert found is not None
    assert not found.negated
    assert (language if told else found.language) == found.language


@pytest.mark.parametrize(("told", "language", "text"), cases(DECLINED))
def test_who_declines_a_person_does_not_ask_for_one(told, language, text):
    """S-04: with a negation it is no request: declined, or nothing at all."""
    found = find_request(text, language if told else None)
    assert found is None or found.negated


@pytest.mark.parametrize(("told", "language", "text"), cases(LOOKALIKES))
def test_lookalikes_are_no_requests(told, language, text):
    """Travel agents, human resources, "are you human?" and ordinary wishes ask for nobody."""
    found = find_request(text, language if told else None)
    assert found is None or found.negated


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_is_tested(language):
    """No table is without examples of each kind."""
    assert all(table.get(language) for table in (REQUESTS, DECLINED, LOOKALIKES, YES, NO))


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_to_an_offer(language):
    """A plain yes or no with politeness is an answer; a request is more than that."""
    assert (True, False, None) == tuple(
        find_answer(text, language) for text in (YES[language], NO[language], REQUESTS[language][0])
    )
    assert (True, False) == (find_answer(YES[language], None), find_answer(NO[language], None))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AGENT PLEASE!!!", "agent please"),
        ("i wanna talk to a HUMAN", "talk to a human"),
        ("dont want a bot, get me a real person", "get me a real person"),
        ("I don\u2019t want to talk to a bot. Let me speak to a person", "speak to a person"),
    ],
)
def test_the_phrase_is_what_was_found(text, expected):
    """The match holds the words that asked, folded; a declined bot is not a declined person."""
    found = find_request(text, "en")
    assert (False, "en") == (found.negated, found.language)
    assert expected in found.phrase


def test_accents_may_be_left_out():
    """People type without accents; the tables don't mind."""
    assert [False] * 4 == [
        find_request(text, language).negated
        for text, language in [
            ("quisiera hablar con algun operador", "es"),
            ("je prefere parler a un etre humain", "fr"),
            ("chce porozmawiac z czlowiekiem", "pl"),
            ("MUSTERI TEMSILCISINE BAGLANMAK ISTIYORUM", "tr"),
        ]
    ]


def test_a_request_in_another_language_than_told_is_found():
    """A wrong guess of the language costs nothing; only English texts are not searched further."""
    assert find_request("quiero hablar con un agente", "pt").language in {"es", "pt"}
    assert find_request("je veux parler à un humain", "en") is None


@pytest.mark.parametrize(
    "text",
    [
        "not talk to agent " * 450,
        "a" * 8192,
        ("habe mit " + "x" * 450 + " " + "y" * 450 + " ") * 9,
        "不转人工" * 2048,
        "'" * 8192,
        "* ? | " * 1300,
    ],
)
def test_long_and_odd_texts_take_no_time(text):
    """The longest messages, made to be slow, are read in a fraction of a second."""
    start = time.perf_counter()
    find_request(text, None)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "unit",
    [
        "not talk to agent ",
        "not want agent ",
        "no hablar con un agente ",
        "ne pas parler a un conseiller ",
        "nicht mit mitarbeiter sprechen ",
        "nie rozmawiac z konsultantem ",
        "temsilciye baglanmak istemiyorum ",
        "لا اتكلم مع موظف ",
        "एजेंट से बात नहीं ",
        "人間つないたくない",
        "不转人工",
        "no, agent, ",
    ],
)
def test_the_work_grows_with_the_text(unit):
    """Eight times the text takes about eight times as long, not its square: verbs, persons and negations in a row.

    Both sizes are below what is read of a text at all.
    """

    def seconds(size):
        text = (unit * size)[:size]
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            find_request(text, None)
            taken.append(time.perf_counter() - start)
        return min(taken)

    assert seconds(2000) / seconds(250) < 20


@pytest.mark.parametrize("text", ["", " ", "!!!", "😀", "\ud800", "\u200f\u202e"])
def test_texts_of_nothing_ask_for_nothing(text):
    """Empty, odd and broken texts are no request and no answer."""
    assert (None, None) == (find_request(text, None), find_answer(text, None))


def test_the_end_of_a_long_message_is_read():
    """A request after a long story is found; it comes at the beginning or the end."""
    assert find_request("my parcel is lost. " * 300 + "Please connect me to a human", "en") is not None
