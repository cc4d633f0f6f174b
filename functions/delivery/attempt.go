package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/fault"
)

// answerMost is how much of an answer's body is read, in bytes.
const answerMost = 16 << 10

// answer is what came of a POST.
type answer struct {
	status     int // 0: none came
	header     http.Header
	body       []byte
	cut        bool // the body went on
	retryAfter time.Duration
	timedOut   bool
	within     time.Duration // what it timed out of
	err        error         // why none came
}

// made is what came of an attempt, or of the decision to make none.
type made struct {
	line      domain.Attempt // for the log; none when the delivery is forgotten
	forgotten bool
	repeated  bool               // another message made the attempt; line is no new one
	aside     aside              // where it went instead of making the attempt; there is no line
	probe     bool               // it was a breaker's
	before    domain.Health      // the webhook's, when the attempt began
	next      *events.Delivery   // the message for the next attempt, if there is one
	health    domain.HealthState // what the webhook's became by it
	cause     string             // for our own log: what the connection failed of
}

// attempt makes one attempt, or decides to make none. An error is a fault of the pipeline: nothing is decided then.
func (s *Service) attempt(ctx context.Context, d events.Delivery) (made, error) {
	m := made{line: d.Line(s.now())}
	t, err := s.targets.of(ctx, d)
	if err == nil && d.Attempt > 1 && !t.forgotten(d) {
		err = s.followed(ctx, &m, d)
	}
	if err != nil || m.repeated || s.held(&m, t, d) || s.setAside(ctx, &m, t, d) {
		return m, err
	}
	if done, err := s.paced(ctx, &m, t, d); done || err != nil {
		return m, err
	}
	began := time.Now()
	a, sent, err := s.send(ctx, t, d, &m)
	if err != nil || m.forgotten || m.line.Outcome != "" {
		return m, err
	}
	m.line.Milliseconds, m.line.Status = s.since(began).Milliseconds(), a.status
	switch {
	case a.status/100 == 2:
		m.line.Outcome = domain.OutcomeDelivered
		m.health = s.fares(ctx, t.webhook, m.before, m.line, s.sight(m, a))
		return m, nil
	case ctx.Err() != nil: // our time was up, not the endpoint's
		return m, fault.Wrap(ctx.Err(), "attempt %d of %s", d.Attempt, d.ID)
	}
	var secrets []string // of what is kept; of a success nothing is
	for _, r := range sent {
		secrets = append(secrets, r.hidden()...)
	}
	hidden := newMask(secrets...)
	m.line.Headers, m.line.Excerpt = hidden.headers(a.header), excerptOf(a, hidden)
	m.cause = hidden.hide(cause(a.err), false)
	s.failed(&m, t.webhook.Policy, d, a)
	m.health = s.fares(ctx, t.webhook, m.before, m.line, s.sight(m, a))
	if m.line.Outcome == domain.OutcomeExhausted {
		err = s.exhausted(ctx, t.webhook, d, m.line)
	}
	return m, err
}

// excerptOf is what is kept of a failed answer's body, unpacked so that the mask sees it.
func excerptOf(a answer, hidden mask) string {
	body, cut, unknown := unpacked(a.header, a.body, a.cut)
	if unknown != "" {
		return "(The answer is compressed in a way that was not asked for and is not understood.)"
	}
	return hidden.excerpt(body, cut)
}

// followed looks, before a retry, whether its message is a repeat of one that was worked: then it makes no attempt, and
// what follows is what followed that one, at the same time, under the same key (design rule 18). First attempts, most of
// which succeed, are spared the read.
func (s *Service) followed(ctx context.Context, m *made, d events.Delivery) error {
	lines, err := s.store.AttemptsFrom(ctx, d.Account, d.Webhook, d.Day(), d.Event, d.Attempt)
	if err != nil || len(lines) == 0 {
		return err
	}
	m.repeated = true
	first, last := lines[0], lines[len(lines)-1]
	if m.line = last; last.Number > d.Attempt || domain.StateOf(lines) != domain.DeliveryRetrying {
		return nil // it went on, or it has ended
	}
	d.Attempt, d.NotBefore, d.Turn, d.Asked = d.Attempt+1, first.NextAt, false, false
	m.next = &d
	return nil
}

// held says in m why d is not sent; false when it is.
func (s *Service) held(m *made, t *target, d events.Delivery) bool {
	if m.forgotten = t.forgotten(d); m.forgotten {
		return true
	}
	m.line.Outcome, m.line.Reason = t.verdict(d)
	return m.line.Outcome != ""
}

// send makes the attempt's request and posts it. An endpoint that does not take an access token that was kept is asked
// once more with a new one, in the same attempt and out of the same timeout, so that an attempt takes no more than the
// policy's and those of two tokens. In m it says when nothing is sent any more. sent are the requests that it made.
func (s *Service) send(ctx context.Context, t *target, d events.Delivery, m *made) (a answer, sent []sending, err error) {
	left := t.webhook.Policy.Timeout()
	for first := ""; ; {
		r, err := s.request(ctx, t, d, m.line.At)
		var why unsendable
		var tokenless tokenFailure
		switch {
		case errors.As(err, &why):
			return answer{err: why}, sent, nil
		case errors.As(err, &tokenless):
			return answer{err: tokenless}, sent, nil
		case errors.Is(err, errEventGone):
			m.line.Outcome, m.line.Reason = domain.OutcomeCancelled, "The event is not stored any more."
			return a, sent, nil
		case err != nil:
			return a, sent, err
		}
		if t, err = s.targets.of(ctx, d); err != nil { // once more: what came before may have taken its time (targetKept)
			return a, sent, err
		}
		if s.held(m, t, d) {
			return a, sent, nil
		}
		sent = append(sent, r)
		if r.token == first && first != "" { // the token endpoint has no other
			return a, sent, nil
		}
		began := time.Now()
		a = s.post(ctx, r.Request, left)
		left -= time.Since(began)
		if a.status != http.StatusUnauthorized || r.token == "" || first != "" {
			return a, sent, nil
		}
		s.tokens.refused(r.grant, r.token)
		first = r.token
	}
}

// post sends the request and reads no more than answerMost of what comes, within a time from dialling to the last byte.
func (s *Service) post(ctx context.Context, r *http.Request, within time.Duration) answer {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	response, err := s.client.Do(r.WithContext(ctx))
	if err != nil {
		return answer{err: err, timedOut: egress.TimedOut(err), within: within}
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, answerMost+1)) // the status has said it; the body may break off
	a := answer{status: response.StatusCode, header: response.Header, body: body, retryAfter: retryAfter(response.Header, s.now())}
	if len(body) > answerMost {
		a.body, a.cut = body[:answerMost], true
	}
	return a
}

// failed says in the line why and what follows, and makes the message for the next attempt, if there is one.
func (s *Service) failed(m *made, p domain.SendPolicy, d events.Delivery, a answer) {
	m.line.Failure, m.line.Reason = why(a)
	wait, again := s.wait(p, d.Number(), paced(a))
	late := s.now().Add(wait).Sub(d.EventAt) > domain.RetriesWithin // by being parked: its event is not kept for ever
	if !again || late || a.status == http.StatusGone {              // which disables the webhook
		m.line.Outcome = domain.OutcomeExhausted
		return
	}
	m.line.Outcome, m.line.NextAt = domain.OutcomeFailed, s.now().Add(wait).Truncate(time.Millisecond)
	d.Attempt, d.NotBefore, d.Turn, d.Asked = d.Attempt+1, m.line.NextAt, false, false
	m.next = &d
}

// paced is the answer that says when to come again: who gives the tokens may ask for a pause, too.
func paced(a answer) answer {
	var tokenless tokenFailure
	if errors.As(a.err, &tokenless) {
		return tokenless.answer
	}
	return a
}

// why is what an attempt failed of, and that in words for the webhook's owner. Addresses stay out of it: what a name
// means inside our network is nobody's business.
func why(a answer) (domain.FailureClass, string) {
	var unsent unsendable
	var tokenless tokenFailure
	var dns *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var alert tls.AlertError
	var noTLS tls.RecordHeaderError
	var connecting *net.OpError
	switch {
	case errors.As(a.err, &tokenless):
		_, reason := why(tokenless.answer)
		return domain.FailureToken, "No access token from the token endpoint: " + reason
	case errors.As(a.err, &unsent):
		return domain.FailureUnsendable, string(unsent)
	case errors.Is(a.err, egress.ErrRefused):
		return domain.FailureBlockedAddress, "The address, port or scheme is not allowed: HTTPS to a public address, on port 443 or 1024 and above."
	case a.timedOut:
		return domain.FailureTimeout, fmt.Sprintf("No answer within %s.", a.within.Round(time.Second/10))
	case egress.HeadersTooLong(a.err):
		return domain.FailureConnection, fmt.Sprintf("The headers of the answer are longer than the %d KB that are read.", egress.MaxHeaderBytes>>10)
	case errors.As(a.err, &dns):
		return domain.FailureDNS, "The host name could not be resolved."
	case errors.As(a.err, &untrusted):
		return domain.FailureTLS, "The certificate was not accepted."
	case errors.As(a.err, &alert), errors.As(a.err, &noTLS), errors.Is(a.err, http.ErrSchemeMismatch):
		return domain.FailureTLS, "There was no secure connection."
	case errors.Is(a.err, syscall.ECONNREFUSED):
		return domain.FailureDial, "The connection was refused."
	case errors.As(a.err, &connecting) && connecting.Op == "dial":
		return domain.FailureDial, "There was no connection."
	case a.err != nil:
		return domain.FailureConnection, "The connection failed."
	case a.status == http.StatusGone:
		return domain.FailureStatus, "The answer was 410 Gone: the endpoint wants no more."
	case a.status/100 == 3:
		return domain.FailureStatus, fmt.Sprintf("The answer was %d %s; redirections are not followed.", a.status, http.StatusText(a.status))
	default:
		return domain.FailureStatus, fmt.Sprintf("The answer was %d %s.", a.status, http.StatusText(a.status))
	}
}

// cause is what the client says, without the URL.
func cause(err error) string {
	var tokenless tokenFailure
	if errors.As(err, &tokenless) {
		return cause(tokenless.err)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// logged writes one line an attempt: no bodies, no URL, no secrets.
func logged(ctx context.Context, d events.Delivery, m made) {
	if m.forgotten {
		m.line.Outcome = "forgotten"
	}
	if m.repeated {
		m.line.Outcome = "repeated"
	}
	if m.aside != "" {
		m.line.Outcome = domain.Outcome(m.aside)
	}
	if m.aside == waits {
		m.line.NextAt = m.next.NotBefore
	}
	slog.LogAttrs(ctx, slog.LevelInfo, "attempt", // typed: what goes through `any` is encoded by reflection
		slog.String("trace_id", string(d.Trace)), slog.String("account", string(d.Account)), slog.String("webhook", string(d.Webhook)),
		slog.String("extension", string(d.Extension)), slog.String("delivery", string(d.ID)), slog.String("event", string(d.Event)),
		slog.String("event_type", d.EventType), slog.Int("attempt", d.Attempt), slog.String("outcome", string(m.line.Outcome)), slog.Int("status", m.line.Status),
		slog.String("failure", string(m.line.Failure)), slog.String("reason", m.line.Reason), slog.String("cause", m.cause), slog.String("health", string(m.health)),
		slog.Bool("probe", m.probe), slog.Bool("slow_lane", d.Slow),
		slog.Int64("ms", m.line.Milliseconds), slog.Int64("since_event_ms", m.line.At.Sub(d.EventAt).Milliseconds()), slog.Time("next_at", m.line.NextAt))
}
