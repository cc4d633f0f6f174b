package domain

import "testing"

func TestMatchesETag_ComparesStronglyByStarAndByList(t *testing.T) {
	for ifMatch, want := range map[string]bool{
		"": true, `"3"`: true, "*": true, " * ": true, `"1", "3"`: true, `"1","3","5"`: true, "\t\"3\" ,": true,
		`, "3"`: true, `W/"1", "3"`: true,
		`"1"`: false, `W/"3"`: false, `"1", W/"3"`: false, `3`: false, `"13"`: false, `"3`: false, `"1,3"`: false,
		`"*"`: false, `"a,"3`: false, `*, "1"`: false,
		// chosen after the mending
		`"5",,"3"`: true, "\"3\"\t,\t\"1\"": true, `W/"5",W/"3"`: false, `'3'`: false, `"03"`: false,
	} {
		if got := MatchesETag(ifMatch, `"3"`); got != want {
			t.Errorf("If-Match: %s: got %t, want %t", ifMatch, got, want)
		}
	}
	if MatchesETag("*", "") || MatchesETag(`""`, "") || !MatchesETag("", "") {
		t.Error("what is not there is matched")
	}
	if !MatchesETag(`"x", "a,b"`, `"a,b"`) {
		t.Error("a comma is allowed in a tag")
	}
}

func TestNamesETag_ComparesWeakly(t *testing.T) {
	for ifNoneMatch, want := range map[string]bool{
		"": false, `"3"`: true, `W/"3"`: true, "*": true, `"1", W/"3"`: true, `"1" , "3"`: true, `"1"`: false,
		"3": false, `"1,3"`: false,
	} {
		if got := NamesETag(ifNoneMatch, `"3"`); got != want {
			t.Errorf("If-None-Match: %s: got %t, want %t", ifNoneMatch, got, want)
		}
	}
}
