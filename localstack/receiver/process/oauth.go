package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"plugboard/localstack/receiver"
)

func (s *server) know(c receiver.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, c)
}

// grant is the token endpoint of OAuth 2.0's client credentials (RFC 6749, section 4.4).
func (s *server) grant(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.PostFormValue("grant_type") != "client_credentials" ||
		!slices.Contains(s.clients, receiver.Client{ID: id, Secret: secret}) {
		w.WriteHeader(http.StatusUnauthorized)
		json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client"})
		return
	}
	token := rand.Text()
	s.granted = append(s.granted, token)
	json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600})
}

// authorized is true when a request carries an access token of the token endpoint.
func (s *server) authorized(r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	return bearer && slices.Contains(s.granted, token)
}

// setUp is the page to which an admin's browser is sent to hand an installation over.
func (s *server) setUp(w http.ResponseWriter, r *http.Request) {
	s.print(receiver.Line{Visit: &receiver.Visit{Code: r.URL.Query().Get("code"), Referrer: r.Referer()}})
	w.WriteHeader(http.StatusNoContent)
}
