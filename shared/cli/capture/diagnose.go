package capture

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"

	"plugboard/shared/domain"
)

// Tolerance is how old a request may be for the Standard Webhooks libraries.
const Tolerance = 5 * time.Minute

// Finding is something that differs from what was sent. Part is stable, for programs.
type Finding struct {
	Part   string `json:"part"`
	Detail string `json:"detail"`
}

// The parts of a request, as findings name them.
const (
	PartHeaders    = "headers"
	PartSecret     = "secret"
	PartTimestamp  = "timestamp"
	PartID         = "id"
	PartWhitespace = "body-whitespace"
	PartEncoding   = "body-encoding"
	PartBody       = "body"
	PartUnknown    = "unknown"
)

// Expect is what the caller knows beside the request.
type Expect struct {
	Secrets []string // whsec_…; each may have signed
	Webhook domain.WebhookID
	Now     time.Time
}

// Diagnose says what differs; nothing when a library would accept the request now.
func Diagnose(r Request, e Expect) []Finding {
	if missing := r.missing(); missing != "" {
		return []Finding{{PartHeaders, missing}}
	}
	keys, finding := decoded(e.Secrets)
	if finding != nil {
		return []Finding{*finding}
	}
	d := newDiagnosis(r, e, keys)
	var found []Finding
	if !d.signs(r.ID, r.Timestamp, r.Body) {
		found = d.explain()
	}
	timed := slices.ContainsFunc(found, func(f Finding) bool { return f.Part == PartTimestamp })
	if late := d.late(); late != nil && !timed {
		found = append(found, *late)
	}
	return found
}

func (r Request) missing() string {
	var names []string
	for name, value := range map[string]string{"webhook-id": r.ID, "webhook-timestamp": r.Timestamp,
		"webhook-signature": r.Signature} {
		if value == "" {
			names = append(names, name)
		}
	}
	switch {
	case len(names) > 0:
		return fmt.Sprintf("The request lacks %s.", strings.Join(sorted(names), ", "))
	case !strings.Contains(r.Signature, "v1,"):
		return "webhook-signature has no signature of the version v1."
	}
	return ""
}

func decoded(secrets []string) (keys [][]byte, wrong *Finding) {
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil || len(key) == 0 {
			return nil, &Finding{
				PartSecret,
				"The secret is not complete: whsec_ is followed by Base64 of the standard alphabet, with its padding.",
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

type diagnosis struct {
	request Request
	expect  Expect
	macs    []hash.Hash // one for each secret
	given   [][]byte    // the request's signatures
}

func newDiagnosis(r Request, e Expect, keys [][]byte) *diagnosis {
	d := &diagnosis{request: r, expect: e}
	for _, key := range keys {
		d.macs = append(d.macs, hmac.New(sha256.New, key))
	}
	for _, signature := range strings.Fields(r.Signature) {
		if mac, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1,")); err == nil {
			d.given = append(d.given, mac)
		}
	}
	return d
}

// signs tells whether one of the secrets makes one of the request's signatures over these parts.
func (d *diagnosis) signs(id, timestamp string, body []byte) bool {
	for _, mac := range d.macs {
		mac.Reset()
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		want := mac.Sum(nil)
		for _, given := range d.given {
			if hmac.Equal(given, want) {
				return true
			}
		}
	}
	return false
}

// late is about a timestamp that receivers refuse, whatever the signature.
func (d *diagnosis) late() *Finding {
	seconds, err := strconv.ParseInt(d.request.Timestamp, 10, 64)
	if err != nil {
		return nil // explain said so
	}
	age := d.expect.Now.Sub(time.Unix(seconds, 0))
	switch {
	case age > Tolerance:
		return &Finding{
			PartTimestamp,
			fmt.Sprintf(
				"The request was signed %s ago; libraries refuse more than %s. A request that was captured earlier "+
					"verifies only then.",
				short(age),
				short(Tolerance),
			),
		}
	case age < -Tolerance:
		return &Finding{
			PartTimestamp,
			fmt.Sprintf("The request was signed %s in the future: a clock is wrong.", short(-age)),
		}
	}
	return nil
}

func short(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
