package main

import (
	"strings"
	"testing"
)

func TestStages_APlaceholderIssuerIsRefusedInOneSentence(t *testing.T) {
	for name, stage := range stages {
		err := stage.issuerFault()
		if name == "local" {
			if err != nil {
				t.Errorf("got %v, want the local issuer taken", err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), stage.Issuer.Name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one sentence that names %s", name, err, stage.Issuer.Name)
		}
	}
	for issuer, want := range map[string]bool{
		"https://example.com": true, "https://login.example.com/": true,
		"https://login.acme.com": false, "https://notexample.com": false, "https://example.com.acme.com": false,
	} {
		if got := (Issuer{Name: issuer}).Placeholder(); got != want {
			t.Errorf("%s: got %t, want %t", issuer, got, want)
		}
	}
}
