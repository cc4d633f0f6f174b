package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"plugboard/shared/fault"
)

// Problem is a refusal: an RFC 9457 problem document as the API answers with, or one made of an answer without any.
type Problem struct {
	Status    int           `json:"status"`
	Code      string        `json:"code"`
	Detail    string        `json:"detail"`
	RequestID string        `json:"request_id"`
	Errors    []fault.Field `json:"errors"`
	More      int           `json:"more_errors"`

	retryAfter string
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// problemOf reads the problem document of an answer. A gateway or proxy may have answered without any.
func problemOf(response *http.Response, body []byte) *Problem {
	p := &Problem{}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind != "application/problem+json" || json.Unmarshal(body, p) != nil || p.Code == "" {
		title := http.StatusText(response.StatusCode)
		p = &Problem{
			Code: strings.ReplaceAll(strings.ToLower(title), " ", "-"),
			Detail: fmt.Sprintf(
				"The server answered %d %s without a reason. Check that the URL is the API's.",
				response.StatusCode,
				title,
			),
		}
	}
	p.Status, p.retryAfter = response.StatusCode, response.Header.Get("Retry-After")
	return p
}

// Unreachable says that no answer came.
type Unreachable struct {
	Base string
	Err  error
}

func (u *Unreachable) Error() string {
	var dns *net.DNSError
	var timeout net.Error
	reason := "the connection failed"
	switch {
	case errors.As(u.Err, &dns):
		reason = "the name " + strconv.Quote(dns.Name) + " has no address"
	case errors.As(u.Err, &timeout) && timeout.Timeout():
		reason = "no answer came in time"
	case strings.Contains(u.Err.Error(), "connection refused"):
		reason = "nothing listens there"
	case strings.Contains(u.Err.Error(), "certificate"):
		reason = "its certificate is not trusted"
	case strings.Contains(u.Err.Error(), "longer than"):
		reason = u.Err.Error()
	}
	return fmt.Sprintf("%s cannot be reached: %s.", hostOf(u.Base), reason)
}

func (u *Unreachable) Unwrap() error { return u.Err }

// hostOf leaves out a path, which may be long, and user info.
func hostOf(base string) string {
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host
	}
	return strconv.Quote(base)
}
