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

// answerMost is the limit for an answer's body, in bytes (design rule 21).
const answerMost = 16 << 10

// answer is an endpoint's answer to a POST, or the lack of one.
type answer struct {
	status     int // 0: no answer
	header     http.Header
	body       []byte
	cut        bool // the body was longer
	retryAfter time.Duration
	timedOut   bool
	within     time.Duration // the timeout
	err        error         // why there is no answer
}

// result is the result of an attempt, or of the decision to make none.
type result struct {
	line     domain.Attempt // for the log; unused after park, defer, move and forget
	action   domain.Action
	pulled   bool               // agents pull the webhook's deliveries: what follows waits for them
	repeated bool               // another message made the attempt; line is already in the log
	probe    bool               // the attempt was a breaker's probe
	before   domain.Health      // the webhook's health when the attempt began
	next     *events.Delivery   // the message that follows, if any
	health   domain.HealthState // the webhook's new state of health, if the attempt changed it
	cause    string             // the connection's error, for our own log
}

// logs is true when the result's line goes into the attempt log.
func (r result) logs() bool {
	switch r.action {
	case domain.ActionPark, domain.ActionDefer, domain.ActionMove, domain.ActionForget:
		return false
	}
	return !r.repeated
}

// attempt decides, and makes one attempt or none. An error is a fault of the pipeline: the message comes again.
func (s *Service) attempt(ctx context.Context, d events.Delivery) (result, error) {
	r := result{line: d.Line(s.now()), action: domain.ActionSend}
	t, err := s.targets.get(ctx, d)
	if err != nil {
		return r, err
	}
	if d.Answer != nil {
		return s.answered(ctx, t, d, r)
	}
	decision := domain.Decide(&t.Destination, d.Dispatch(), s.now())
	if d.Attempt > 1 && decision.Action != domain.ActionForget {
		if err := s.repeats(ctx, &r, d); err != nil || r.repeated {
			return r, err
		}
	}
	r.before, r.pulled = t.Health, t.Webhook.Pulled()
	if r.pulled && decision.Action == domain.ActionPark && s.now().Sub(d.Waits()) >= domain.WarnAfter {
		s.noteUnpulled(ctx, t, d)
	}
	if decision.Action == domain.ActionExpire {
		r.line.Outcome, r.line.Failure, r.line.Reason = domain.OutcomeExhausted, domain.FailureNotPulled,
			decision.Reason
		return r, s.exhausted(ctx, t.Webhook, d, r.line)
	}
	if decision.Action == domain.ActionProbe {
		if r.before, r.probe = s.claims(ctx, t); !r.probe {
			decision.Action = domain.ActionPark
		}
	}
	if decision.Action != domain.ActionSend && !r.probe {
		return s.withhold(r, d, decision), nil
	}
	if waits, err := s.awaitRateLimit(ctx, &r, t, d); waits || err != nil {
		return r, err
	}
	return s.send(ctx, t, d, r)
}

// send makes the attempt, and records its outcome in r.
func (s *Service) send(ctx context.Context, t *target, d events.Delivery, r result) (result, error) {
	began := time.Now()
	a, sent, stopped, err := s.exchange(ctx, t, d, r.line.At)
	switch {
	case err != nil:
		return r, err
	case stopped.Action != "":
		return s.withhold(r, d, stopped), nil
	}
	r.line.Milliseconds, r.line.Status = s.since(began).Milliseconds(), a.status
	switch {
	case a.status/100 == 2:
		r.line.Outcome = domain.OutcomeDelivered
		r.line = r.line.SentTo(sent[len(sent)-1].URL.String())
		r.health = s.noteHealth(ctx, t.Webhook, r.before, r.line, s.sight(r, a))
		return r, nil
	case ctx.Err() != nil: // the function's time was up, not the endpoint's
		return r, fault.Wrap(ctx.Err(), "attempt %d of %s", d.Attempt, d.ID)
	}
	var secrets []string // a failed answer is kept, and may repeat them
	for _, request := range sent {
		secrets = append(secrets, request.hidden()...)
		r.line = r.line.SentTo(request.URL.String())
	}
	hidden := newMask(secrets...)
	r.line.Headers, r.line.Excerpt = hidden.headers(a.header), excerptOf(a, hidden)
	r.cause = hidden.hide(cause(a.err), false)
	s.reschedule(&r, t.Webhook.Policy, d, a)
	r.health = s.noteHealth(ctx, t.Webhook, r.before, r.line, s.sight(r, a))
	if r.line.Outcome == domain.OutcomeExhausted {
		err = s.exhausted(ctx, t.Webhook, d, r.line)
	}
	return r, err
}

// excerptOf is the kept part of a failed answer's body, decompressed so that the mask finds secrets.
func excerptOf(a answer, hidden mask) string {
	body, cut, unknown := unpacked(a.header, a.body, a.cut)
	if unknown != "" {
		return "(The answer is compressed in a way that was not asked for and is not understood.)"
	}
	return hidden.excerpt(body, cut)
}

// repeats reads, before a retry, whether another message already made the attempt. Then r repeats what followed that
// attempt, at the same time and under the same key (design rule 18). First attempts are spared the read: most succeed.
func (s *Service) repeats(ctx context.Context, r *result, d events.Delivery) error {
	lines, err := s.store.AttemptsFrom(ctx, d.Account, d.Webhook, d.Day(), d.Event, d.Attempt)
	if err != nil || len(lines) == 0 {
		return err
	}
	r.repeated = true
	first, last := lines[0], lines[len(lines)-1]
	if r.line = last; last.Number > d.Attempt || domain.StateOf(lines) != domain.DeliveryRetrying {
		return nil // a later attempt was made, or the delivery has ended
	}
	d.Attempt, d.NotBefore, d.Turn, d.Asked = d.Attempt+1, first.NextAt, false, false
	d.Waiting = time.Time{}
	r.next = &d
	return nil
}

// exchange makes the attempt's request and posts it. When the endpoint refuses a cached access token, exchange fetches
// a new one and posts once more, within the same timeout. sent are the requests made. stopped is the decision, made
// right before a POST, to send nothing any more.
func (s *Service) exchange(ctx context.Context, t *target, d events.Delivery, at time.Time) (
	a answer, sent []sending, stopped domain.Decision, err error,
) {
	left := t.Webhook.Policy.Timeout()
	for first := ""; ; {
		r, err := s.request(ctx, t, d, at)
		var why unsendable
		var tokenless tokenFailure
		switch {
		case errors.As(err, &why):
			return answer{err: why}, sent, stopped, nil
		case errors.As(err, &tokenless):
			return answer{err: tokenless}, sent, stopped, nil
		case errors.Is(err, errEventGone):
			return a, sent, domain.Decision{Action: domain.ActionCancel,
				Reason: "The event is not stored any more."}, nil
		case err != nil:
			return a, sent, stopped, err
		}
		// again, since making the request may have taken long (targetKept)
		if t, err = s.targets.get(ctx, d); err != nil {
			return a, sent, stopped, err
		}
		if stopped = domain.Stopped(&t.Destination, d.Dispatch()); stopped.Action != "" {
			return a, sent, stopped, nil
		}
		sent = append(sent, r)
		if r.token == first && first != "" { // the token endpoint gave the same token again
			return a, sent, stopped, nil
		}
		began := time.Now()
		a = s.post(ctx, r.Request, left)
		left -= time.Since(began)
		if a.status != http.StatusUnauthorized || r.token == "" || first != "" {
			return a, sent, stopped, nil
		}
		s.tokens.refused(r.grant, r.token)
		first = r.token
	}
}

// post sends the request and reads at most answerMost of the answer. within is the time from dialling to the last byte.
func (s *Service) post(ctx context.Context, r *http.Request, within time.Duration) answer {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	response, err := s.client.Do(r.WithContext(ctx))
	if err != nil {
		return answer{err: err, timedOut: egress.TimedOut(err), within: within}
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, answerMost+1)) // the status decides; the body may break off
	a := answer{status: response.StatusCode, header: response.Header, body: body,
		retryAfter: retryAfter(response.Header, s.now())}
	if len(body) > answerMost {
		a.body, a.cut = body[:answerMost], true
	}
	return a
}

// reschedule records why the attempt failed, and makes the message for the next attempt, if there is one.
func (s *Service) reschedule(r *result, p domain.SendPolicy, d events.Delivery, a answer) {
	r.line.Failure, r.line.Reason = why(a)
	wait, again := s.wait(p, d.Number(), a.asker())
	// after being parked; the event is not kept for ever
	late := s.now().Add(wait).Sub(d.EventAt) > domain.RetriesWithin
	if !again || late || a.status == http.StatusGone { // which disables the webhook
		r.line.Outcome = domain.OutcomeExhausted
		return
	}
	r.line.Outcome, r.line.NextAt = domain.OutcomeFailed, s.now().Add(wait).Truncate(time.Millisecond)
	d.Attempt, d.NotBefore, d.Turn, d.Asked = d.Attempt+1, r.line.NextAt, false, false
	d.Waiting = time.Time{}
	r.next = &d
}

// asker is the answer that may ask for a pause: the token endpoint's when no access token was got, and otherwise the
// endpoint's.
func (a answer) asker() answer {
	var tokenless tokenFailure
	if errors.As(a.err, &tokenless) {
		return tokenless.answer
	}
	return a
}

// why is the cause of a failed attempt, for programs and in words for the webhook's owner. The words name no address:
// callers must not learn what a name means inside our network.
func why(a answer) (domain.FailureClass, string) {
	var unsent unsendable
	var tokenless tokenFailure
	var dns *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var alert tls.AlertError
	var noTLS tls.RecordHeaderError
	var connecting *net.OpError
	var agent agentFailure
	switch {
	case errors.As(a.err, &agent):
		return domain.FailureClass(agent), agentReasons[domain.FailureClass(agent)]
	case errors.As(a.err, &tokenless):
		_, reason := why(tokenless.answer)
		return domain.FailureToken, "No access token from the token endpoint: " + reason
	case errors.As(a.err, &unsent):
		return domain.FailureUnsendable, string(unsent)
	case errors.Is(a.err, egress.ErrRefused):
		return domain.FailureBlockedAddress,
			"The address, port or scheme is not allowed: HTTPS to a public address, on port 443 or 1024 and above."
	case a.timedOut:
		return domain.FailureTimeout, fmt.Sprintf("No answer within %s.", a.within.Round(time.Second/10))
	case egress.HeadersTooLong(a.err):
		return domain.FailureConnection, fmt.Sprintf("The headers of the answer are longer than the %d KB that "+
			"are read.", egress.MaxHeaderBytes>>10)
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
		return domain.FailureStatus, fmt.Sprintf("The answer was %d %s; redirections are not followed.", a.status,
			http.StatusText(a.status))
	default:
		return domain.FailureStatus, fmt.Sprintf("The answer was %d %s.", a.status, http.StatusText(a.status))
	}
}

// cause is the client's error without the URL.
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
func logged(ctx context.Context, d events.Delivery, r result) {
	outcome, nextAt := string(r.line.Outcome), r.line.NextAt
	switch {
	case r.repeated:
		outcome = "repeated"
	case !r.logs():
		outcome = withheld[r.action]
	}
	if r.action == domain.ActionDefer {
		nextAt = r.next.NotBefore
	}
	slog.LogAttrs(ctx, slog.LevelInfo, "attempt", // typed: what goes through `any` is encoded by reflection
		slog.String("trace_id", string(d.Trace)), slog.String("account", string(d.Account)),
		slog.String("webhook", string(d.Webhook)),
		slog.String("extension", string(d.Extension)), slog.String("delivery", string(d.ID)),
		slog.String("event", string(d.Event)),
		slog.String("event_type", d.EventType), slog.Int("attempt", d.Attempt), slog.String("outcome", outcome),
		slog.Int("status", r.line.Status),
		slog.String("failure", string(r.line.Failure)), slog.String("reason", r.line.Reason),
		slog.String("cause", r.cause), slog.String("health", string(r.health)),
		slog.Bool("probe", r.probe), slog.Bool("slow_lane", d.Slow),
		slog.Int64("ms", r.line.Milliseconds), slog.Int64("since_event_ms", r.line.At.Sub(d.EventAt).Milliseconds()),
		slog.Time("next_at", nextAt))
}

// withheld is the log's word for a delivery that made no attempt and has no line in the attempt log.
var withheld = map[domain.Action]string{
	domain.ActionPark: "parked", domain.ActionDefer: "deferred", domain.ActionMove: "moved",
	domain.ActionForget: "forgotten",
}
