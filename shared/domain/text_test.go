package domain

import "testing"

func TestLineProblem_TakesWhatALanguageNeeds(t *testing.T) {
	for name, text := range map[string]string{
		"Khmer":                         "ព្រះ\u200bរាជា\u200bណាចក្រ",
		"Thai":                          "กระทรวง\u200bการคลัง",
		"Lao":                           "ກະຊວງ\u200bການເງິນ",
		"Burmese":                       "မြန်မာ\u200bနိုင်ငံ",
		"Thai beside Latin":             "กระทรวง\u200bPlugboard",
		"a zero-width space after all":  "กระทรวง\u200b",
		"soft hyphens in German":        "Donau\u00addampf\u00adschiff",
		"a soft hyphen before a number": "Absatz\u00ad12",
		"joined in Hindi":               "नि\u200dष",
		"not joined in Persian":         "می\u200cخواهم",
		"an emoji of several":           "👩\u200d🚀",
		"a flag of tags":                "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Alba",
		"from a contact list":           "\u202aAda Berg\u202c",
		"an isolated name":              "\u2068אדה\u2069",
		"a mark of direction":           "אדה\u200f!",
		"a word joiner":                 "km\u2060/h",
		"Hangul with its filler":        "\u115fᅡ",
		"a narrow space in French":      "Prix\u202f: 3\u00a0€",
		"a Mongolian separator":         "ᠰᠠᠶᠢᠨ\u180eᠠ",
		"nothing":                       "",
		// chosen after the mending
		"Tibetan":              "བོད་\u200bཡིག",
		"Javanese":             "ꦧꦱ\u200bꦗꦮ",
		"a keycap":             "1\ufe0f\u20e3",
		"a flag of a rainbow":  "🏳\ufe0f\u200d🌈",
		"a family name joined": "بی\u200cنظیر",
	} {
		if problem := LineProblem(text); problem != "" {
			t.Errorf("%s: %q is refused: %s", name, text, problem)
		}
	}
}

func TestLineProblem_RefusesWhatOnlyMisleads(t *testing.T) {
	for name, text := range map[string]string{
		"a zero-width space in Latin":  "pay\u200bpal",
		"one at the end of Latin":      "Ada\u200b",
		"one in Hindi":                 "नि\u200bष",
		"a soft hyphen after nothing":  "\u00adAda",
		"a soft hyphen before a space": "Ada\u00ad Berg",
		"an override":                  "invoice\u202efdp.exe",
		"an override that ends":        "a\u202egpj\u202c.exe",
		"an embedding without an end":  "Ada\u202bBerg",
		"an end without a beginning":   "Ada\u202cBerg",
		"an isolate without an end":    "\u2067Ada",
		"pairs that cross":             "\u202aA\u2066d\u202ca\u2069",
		"a byte order mark":            "\ufeffAda",
		"nothing but joiners":          "\u200d\u200d",
		"nothing but a Hangul filler":  "\u3164",
		"tags without a flag":          "Ada\U000e0041\U000e0042\U000e007f",
		"a flag without an end":        "🏴\U000e0067\U000e0062",
		"invisible mathematics":        "a\u2062b",
		"an annotation":                "a\ufff9b",
		"a control character":          "a\x00b",
		"a line separator":             "a\u2028b",
		// chosen after the mending
		"an invisible plus":             "a\u2064b",
		"a soft hyphen at the end":      "Ada\u00ad",
		"a deprecated format":           "a\u206ab",
		"a word joiner before all":      "\u2060Ada",
		"an embedding of another order": "\u2066\u202aAda\u2069\u202c",
	} {
		if LineProblem(text) == "" {
			t.Errorf("%s: %q is taken", name, text)
		}
	}
}
