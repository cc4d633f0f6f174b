package functions_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/shared/auth"
)

// signWith is no header of a request: in a who, it has the request signed with its value, as a partner's library would.
const signWith = "The test signs with"

// callback is a partner that signs what it sends. Each request has a webhook-id of its own, and the present time,
// unless its headers say otherwise.
func callback(secret string) who { return who{"callback", [][2]string{{signWith, secret}}} }

// named is a callback whose webhook-id is that.
func (c who) named(id string) who { return c.with(auth.HeaderCallbackID, id) }

func stamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

func (w *world) signed(r *http.Request) error {
	secret := r.Header.Get(signWith)
	r.Header.Del(signWith)
	if secret == "" {
		return nil
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if r.Header.Get(auth.HeaderCallbackID) == "" {
		r.Header.Set(auth.HeaderCallbackID, "msg_"+rand.Text())
	}
	if r.Header.Get(auth.HeaderCallbackTimestamp) == "" {
		r.Header.Set(auth.HeaderCallbackTimestamp, stamp(w.now()))
	}
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(r.Header.Get(auth.HeaderCallbackTimestamp), 10, 64)
	if err != nil {
		return nil // a test of what is malformed: nothing to sign over
	}
	signature, err := hook.Sign(r.Header.Get(auth.HeaderCallbackID), time.Unix(seconds, 0), body)
	if r.Header.Get(auth.HeaderCallbackSignature) == "" {
		r.Header.Set(auth.HeaderCallbackSignature, signature)
	}
	return err
}

const strangersSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// wrongCallbacks are callers that the main extension's callbacks must not let in.
func (s *scene) wrongCallbacks() []who {
	right := callback(s.callbackSecret)
	named := func(name string, c who) who { return who{name, c.headers} }
	var all []who
	for n, malformed := range []string{"v1", "v1,", "garbage", "v1a,AAAA", "v2,AAAA", ","} {
		all = append(all, named(fmt.Sprintf("malformed signature %d", n),
			right.with(auth.HeaderCallbackSignature, malformed)))
	}
	return append(all,
		named("another secret", callback(strangersSecret)),
		named("a webhook's signing secret", callback(s.signingSecrets()[s.managedHook])),
		named("a timestamp that is none", right.with(auth.HeaderCallbackTimestamp,
			"now").with(auth.HeaderCallbackSignature, "v1,AAAA")),
		named("a timestamp too old", right.with(auth.HeaderCallbackTimestamp, stamp(s.now().Add(-6*time.Minute)))),
		named("a timestamp too new", right.with(auth.HeaderCallbackTimestamp, stamp(s.now().Add(6*time.Minute)))),
		named("an id too long", right.named(string(bytes.Repeat([]byte("x"), 257)))),
		named("two ids", right.named("a").named("b")),
		named("two timestamps", right.with(auth.HeaderCallbackTimestamp, stamp(s.now())).
			with(auth.HeaderCallbackTimestamp, stamp(s.now()))),
		named("two signatures", right.with(auth.HeaderCallbackSignature, "v1,AAAA").with(auth.HeaderCallbackSignature,
			"v1,BBBB")),
		named("a token besides", right.with("Authorization", "Bearer "+s.token)),
	)
}

func callbacksOf(account, extension string) string {
	return "/v1/callbacks/" + account + "/" + extension
}

var setupCompleted = object{"type": "setup.completed"}

func setupFailed(reason string) object {
	return object{"type": "setup.failed", "data": object{"reason": reason}}
}

func contractFields(contract string, values ...[2]string) object {
	fields := []object{}
	for _, v := range values {
		fields = append(fields, object{"custom_id": v[0], "value": v[1]})
	}
	return object{"type": "contract.fields", "data": object{"contract_id": contract, "data_fields": fields}}
}
