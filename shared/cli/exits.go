package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"plugboard/shared/cli/client"
	"plugboard/shared/fault"
)

// Exit is an exit code. Scripts rely on the codes: none ever changes its meaning.
type Exit int

const (
	ExitOK              Exit = 0
	ExitNo              Exit = 1
	ExitUsage           Exit = 2
	ExitUnauthenticated Exit = 3
	ExitForbidden       Exit = 4
	ExitNotFound        Exit = 5
	ExitConflict        Exit = 6
	ExitInvalid         Exit = 7
	ExitBusy            Exit = 8
	ExitUnreachable     Exit = 9
	ExitServer          Exit = 10
	ExitLocal           Exit = 11
	ExitInterrupted     Exit = 130
)

// Exits documents every exit code. `plugboard exits` prints it, and README.md repeats it.
var Exits = []struct {
	Exit    Exit   `json:"exit"`
	Meaning string `json:"meaning"`
}{
	{ExitOK, "The command did its work."},
	{ExitNo, "The command ran, and its answer is no: not valid, not verified, not heard, not delivered, rejected."},
	{ExitUsage, "The command line is wrong."},
	{ExitUnauthenticated, "Nobody is logged in, or the key is not accepted (401)."},
	{ExitForbidden, "The key is good, and may not do this (403)."},
	{ExitNotFound, "The server has no such thing (404)."},
	{ExitConflict, "The state does not allow it now, or has changed since it was read (409, 412, 428)."},
	{ExitInvalid, "The server refuses the input (other 4xx)."},
	{ExitBusy, "The server was too busy for all tries (429, 502, 503, 504)."},
	{ExitUnreachable, "No answer came from the server."},
	{ExitServer, "The server failed (other 5xx)."},
	{ExitLocal, "A file on this machine cannot be read or written, or is damaged."},
	{ExitInterrupted, "It was interrupted (Ctrl-C)."},
}

// exitOf is the one table from a refusal's status to an exit code.
func exitOf(status int) Exit {
	switch status {
	case http.StatusUnauthorized:
		return ExitUnauthenticated
	case http.StatusForbidden:
		return ExitForbidden
	case http.StatusNotFound:
		return ExitNotFound
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return ExitConflict
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return ExitBusy
	}
	if status >= 500 {
		return ExitServer
	}
	return ExitInvalid
}

// Failure is the error that ends a command, in words for its user.
type Failure struct {
	Exit      Exit          `json:"exit"`
	Code      string        `json:"code"`
	Detail    string        `json:"detail"`
	Errors    []fault.Field `json:"errors,omitempty"`
	RequestID string        `json:"request_id,omitempty"`
}

func (f *Failure) Error() string { return f.Detail }

func fail(exit Exit, code, format string, args ...any) *Failure {
	return &Failure{Exit: exit, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// errNo ends a command that has printed its answer, which is no.
var errNo = &Failure{Exit: ExitNo}

// failureOf turns any error of a command into a Failure.
func failureOf(err error) *Failure {
	var f *Failure
	var refused *client.Problem
	var unreachable *client.Unreachable
	var file *fs.PathError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &refused):
		return &Failure{exitOf(refused.Status), refused.Code, refused.Detail, refused.Errors, refused.RequestID}
	case errors.Is(err, context.Canceled):
		return fail(ExitInterrupted, "interrupted", "Interrupted.")
	case errors.As(err, &unreachable):
		return fail(ExitUnreachable, "unreachable", "%s", unreachable.Error())
	case errors.As(err, &file):
		return fail(ExitLocal, "file", "%s: %s.", file.Path, file.Err)
	}
	return fail(ExitLocal, "local", "%s.", err)
}
