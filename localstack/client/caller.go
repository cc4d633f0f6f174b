package client

import (
	"fmt"
	"maps"
	"net/http"
	"time"

	"plugboard/localstack/issuer"
	"plugboard/shared/auth"
	"plugboard/shared/domain"
)

// Caller is a caller's headers. The zero value has no credential.
type Caller struct{ header http.Header }

// With adds a header, spelt as it is given.
func (c Caller) With(name, value string) Caller {
	header := http.Header{}
	maps.Copy(header, c.header)
	header[name] = append(header[name][:len(header[name]):len(header[name])], value)
	return Caller{header}
}

// For is the integration, acting for a user.
func (c Caller) For(email string) Caller { return c.With(auth.HeaderUser, email) }

// Bearer calls by an API token, a partner key, or a JWT.
func Bearer(credential string) Caller { return Caller{}.With("Authorization", "Bearer "+credential) }

// Platform is the platform.
func (c *Client) Platform() Caller {
	return Caller{}.With(auth.HeaderPlatformKey, c.Outputs.PlatformKey)
}

// PlatformFor is the platform, acting for an account.
func (c *Client) PlatformFor(a domain.AccountID) Caller {
	return c.Platform().With(auth.HeaderAccount, string(a))
}

// User is a user who signed in to the account just now, for an hour.
func (c *Client) User(a domain.AccountID, u domain.UserID) (Caller, error) {
	token, err := c.issuer.Sign(issuer.Claims(string(a), string(u), time.Now()))
	if err != nil {
		return Caller{}, fmt.Errorf("sign in %s: %w", u, err)
	}
	return Bearer(token), nil
}

// Sign makes a JWT with any claims.
func (c *Client) Sign(claims map[string]any) (string, error) { return c.issuer.Sign(claims) }
