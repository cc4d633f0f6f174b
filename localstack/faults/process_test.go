package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/config"

	"plugboard/localstack/faults"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
)

// A killed process is a real one: this program, started again as one function for one call.

const processVariable = "FAULTS_PROCESS"

// task is the work of such a process.
type task struct {
	Function string
	Place    place
	Event    json.RawMessage
}

func TestMain(m *testing.M) {
	if given := os.Getenv(processVariable); given != "" {
		if err := work(given, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// work makes the one call, and writes the answer.
func work(given string, in io.Reader, out io.Writer) error {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return err
	}
	ctx := context.Background()
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	s := t.Place.services(c, func() time.Time {
		return domain.SystemClock().Add(t.Place.Ahead)
	}, egress.Config{AllowPrivate: true})
	var answer any
	switch given {
	case "fanout":
		var e lambda.DynamoDBEvent
		if err = json.Unmarshal(t.Event, &e); err == nil {
			answer, err = s.fanout.Handle(ctx, e)
		}
	case "delivery":
		var e lambda.SQSEvent
		if err = json.Unmarshal(t.Event, &e); err == nil {
			answer, err = s.delivery.Handle(ctx, e)
		}
	case "redelivery":
		answer, err = s.redelivery.Handle(ctx, nil)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(answer)
}

// process is one that runs.
type process struct {
	t       *testing.T
	command *exec.Cmd
	out     bytes.Buffer
}

// start starts the function on an event.
func (s *scene) start(function string, event any) *process {
	s.t.Helper()
	program, err := os.Executable()
	must(s.t, err)
	raw, err := json.Marshal(event)
	must(s.t, err)
	at := s.place
	at.Ahead = time.Duration(s.ahead.Load())
	given, err := json.Marshal(task{Place: at, Event: raw})
	must(s.t, err)
	p := &process{t: s.t, command: exec.Command(program)}
	p.command.Env = append(os.Environ(), processVariable+"="+function)
	p.command.Stdin, p.command.Stdout, p.command.Stderr = bytes.NewReader(given), &p.out, os.Stderr
	must(s.t, p.command.Start())
	return p
}

func (p *process) kill() { p.command.Process.Kill() }

// ends waits for the end; true when the process ended by itself, with an answer.
func (p *process) ends(answer any) bool {
	p.t.Helper()
	if err := p.command.Wait(); err != nil {
		if p.command.ProcessState.Exited() {
			p.t.Fatalf("the process ended by itself: %v", err)
		}
		return false
	}
	must(p.t, json.Unmarshal(p.out.Bytes(), answer))
	return true
}

// killedEverywhere runs the function on given's work again and again. It kills the function before its first AWS call
// that has an effect, then before its second, and so on, and at last before its answer. then learns whether the
// function ended, as far as Lambda knows, and with which answer. The result is how often the function was killed.
func (s *scene) killedEverywhere(function string, given func() any, answer any, then func(done bool)) int {
	s.t.Helper()
	for n := 1; ; n++ {
		event := given()
		dying := make(chan *process, 1)
		var effects atomic.Int64
		s.proxy.Follow(func(c faults.Call) faults.Fate {
			if c.Reads() || effects.Add(1) < int64(n) {
				return nil
			}
			return func(http.ResponseWriter, func(http.ResponseWriter)) {
				p := <-dying
				p.kill()
				dying <- p // by a concurrent call
			}
		})
		p := s.start(function, event)
		dying <- p
		done := p.ends(answer)
		s.proxy.Follow(nil)
		then(false)
		s.settle()
		if !done {
			continue
		}
		if event = given(); !s.start(function, event).ends(answer) {
			s.t.Error("a process died that nobody killed")
		}
		then(true)
		return n
	}
}
