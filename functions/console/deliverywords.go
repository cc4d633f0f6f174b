package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// What people read of deliveries: states, causes, and what can be done about each.

var deliveryPills = map[domain.DeliveryState]pill{
	domain.DeliveryDelivered: {"good", "check", "Delivered"},
	domain.DeliveryRetrying:  {"bad", "retry", "Retrying"},
	domain.DeliveryExhausted: {"bad", "cross", "Given up"},
	domain.DeliverySkipped:   {"off", "pause", "Skipped"},
	domain.DeliveryCancelled: {"off", "minus", "Cancelled"},
}

var failureClasses = []domain.FailureClass{
	domain.FailureStatus, domain.FailureTimeout, domain.FailureToken, domain.FailureTLS, domain.FailureDNS,
	domain.FailureDial, domain.FailureConnection,
	domain.FailureBlockedAddress, domain.FailureUnsendable, domain.FailureBacklog,
}

var failureWords = map[domain.FailureClass]string{
	domain.FailureStatus: "not accepted", domain.FailureTimeout: "no answer in time",
	domain.FailureToken: "no access token", domain.FailureTLS: "certificate",
	domain.FailureDNS: "unknown host", domain.FailureDial: "no connection",
	domain.FailureConnection:     "connection broke",
	domain.FailureBlockedAddress: "address not allowed", domain.FailureUnsendable: "no valid request",
	domain.FailureBacklog: "waited too long",
}

// lastAttempt is the attempt that decided the state: the success, or the last, as domain.StateOf has it.
func lastAttempt(attempts []domain.Attempt) domain.Attempt {
	var last domain.Attempt
	for _, a := range attempts {
		switch {
		case a.Outcome == domain.OutcomeDelivered:
			return a
		case a.Number > last.Number || a.Number == last.Number && a.At.After(last.At):
			last = a
		}
	}
	return last
}

// madeAttempts counts attempts. A delivery that was skipped has a line and no attempt; an attempt that ran twice has
// two lines of one number.
func madeAttempts(attempts []domain.Attempt) int {
	made := map[int]bool{}
	for _, a := range attempts {
		if a.Outcome != domain.OutcomeSkipped && a.Outcome != domain.OutcomeCancelled {
			made[a.Number] = true
		}
	}
	return len(made)
}

// answerWords is the last answer in a few words: 200, 200 after 503, No answer, Not sent.
func answerWords(d contract.DeliveryOfEvent) string {
	last, before := lastAttempt(d.Attempts), 0
	for _, a := range d.Attempts {
		if a.Outcome == domain.OutcomeFailed {
			before = a.Status
		}
	}
	switch {
	case d.State == domain.DeliverySkipped || d.State == domain.DeliveryCancelled:
		return "Not sent"
	case last.Status == 0 && failureWords[last.Failure] != "":
		return strings.ToUpper(failureWords[last.Failure][:1]) + failureWords[last.Failure][1:]
	case last.Status == 0:
		return "No answer"
	case d.State == domain.DeliveryDelivered && before != 0:
		return fmt.Sprintf("%d after %d", last.Status, before)
	}
	return fmt.Sprint(last.Status)
}

func millisecondWords(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}

// eventWords is an event type as a title: contract.signed is Contract signed.
func eventWords(eventType string) string {
	noun, verb, _ := strings.Cut(strings.ReplaceAll(eventType, "_", " "), ".")
	if noun == "" {
		return eventType
	}
	return strings.TrimSpace(strings.ToUpper(noun[:1]) + noun[1:] + " " + verb)
}

// explanation is why a delivery failed, and what the receiver can do.
type explanation struct{ Tone, Icon, Title, Text, Do string }

// explained is about a delivery's deciding attempt to that host. Empty for a success.
func explained(d contract.DeliveryView, host string) explanation {
	last := lastAttempt(d.Attempts)
	switch d.State {
	case domain.DeliveryDelivered:
		return explanation{}
	case domain.DeliverySkipped:
		return explanation{"off", "pause", "It was not sent", sentence(last.Reason),
			"Replay it once the webhook sends again."}
	case domain.DeliveryCancelled:
		return explanation{"off", "minus", "It will not be sent", sentence(last.Reason), "Nothing needs to be done."}
	}
	e := failureExplained(last, host)
	e.Tone, e.Icon = "bad", "warn"
	if made := madeAttempts(d.Attempts); made > 1 {
		e.Text += " " + counted(made, "attempt", "attempts") + " failed."
	}
	return e
}

func failureExplained(a domain.Attempt, host string) explanation {
	e := explanation{Title: host + " did not accept it", Text: sentence(a.Reason)}
	switch a.Failure {
	case domain.FailureStatus, "":
		e.Title, e.Do = statusExplained(a.Status, host)
	case domain.FailureDNS:
		e.Title, e.Do = host+" is an unknown host", "Correct the webhook’s URL, or have the host’s DNS record restored."
	case domain.FailureBlockedAddress:
		e.Title, e.Do = host+" is not allowed", "Use HTTPS to a public address, on port 443 or on 1024 and above."
	case domain.FailureDial:
		e.Title, e.Do = host+" takes no connection",
			"Start the receiver, and open its firewall for the addresses that deliveries come from."
	case domain.FailureTLS:
		e.Title, e.Do = host+" has no valid certificate", "Renew the certificate, and serve its whole chain."
	case domain.FailureTimeout:
		e.Title, e.Do = host+" did not answer in time",
			"Answer 2xx as soon as the message is stored, and work it afterwards."
	case domain.FailureConnection:
		e.Title, e.Do = host+" broke the connection",
			"Look for a crash or a proxy’s limit in the receiver’s log at the time of the attempt."
	case domain.FailureToken:
		e.Title, e.Do = "There was no access token for "+host,
			"Give the webhook’s client id and secret again, and check that the client is not revoked."
	case domain.FailureUnsendable:
		e.Title, e.Do = "No request could be made", "Correct the parameter or header that the sentence names."
	case domain.FailureBacklog:
		e.Title, e.Do = "It waited longer than a day for its turn",
			"Raise the webhook’s limit of attempts a second, then replay it."
	}
	return e
}

// statusExplained is what an answer other than 2xx means, and what the receiver can do.
func statusExplained(status int, host string) (title, do string) {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return host + " did not accept the credentials",
			"Check the secret with which the receiver verifies signatures, and the webhook’s authentication."
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return host + " has no such address", "Correct the webhook’s URL, or have the receiver take POST there."
	case status == http.StatusGone:
		return host + " wants no more messages",
			"The webhook is disabled. Once the receiver answers again, enable it, and replay."
	case status == http.StatusRequestEntityTooLarge:
		return host + " takes no message of this size", "Raise the receiver’s limit for bodies to 1 MB."
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return host + " is busy", "Nothing, if it is over soon. Otherwise limit the webhook’s attempts a second."
	case status/100 == 3:
		return host + " redirects elsewhere",
			"Redirections are not followed. Enter the final address as the webhook’s URL."
	case status/100 == 4:
		return host + " did not accept the message", "The receiver’s answer says why. Mend the receiver, then replay."
	case status/100 == 5:
		return host + " failed", "Look into the receiver’s log at the time of the attempt."
	}
	return host + " did not accept it", "The receiver must answer with a status of 2xx."
}

// hostOf is a URL's host, or the URL where it has none. An agent has no URL.
func hostOf(raw string) string {
	if raw == domain.AgentURL {
		return "an agent in your network"
	}
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host
	}
	return raw
}
