// Command redrive moves the messages of a deployed stack's dead-letter queues back to their queues, once the cause is
// mended: `make redrive`. It takes AWS credentials as the AWS CLI does, from the environment or a profile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	stack := flag.String("stack", "", "the stack's name, plugboard-STAGE")
	only := flag.String("queue", "", "one queue, as infra/stack.go names it; all when empty")
	flag.Parse()
	if err := run(ctx, *stack, *only, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "plugboard:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stack, only string, out io.Writer) error {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("find credentials and a region, as the AWS CLI does: %w", err)
	}
	r := redrive{sqs: sqs.NewFromConfig(c), out: out}
	pairs, others, err := r.pairs(ctx, stack)
	if err != nil {
		return err
	}
	if len(pairs) == 0 {
		return fmt.Errorf("there are no queues of %s in this account and region: say which by STAGE=…", stack)
	}
	all, known := 0, false
	for _, p := range pairs {
		if only != "" && !strings.EqualFold(box(stack, p.queue), plain(only)) {
			continue
		}
		known = true
		moved, err := r.move(ctx, p)
		if err != nil {
			return errors.Join(err, fmt.Errorf("%d messages were moved before; the others are where they were, some "+
				"of them out of sight for a minute", all+moved))
		}
		all += moved
	}
	if !known {
		return fmt.Errorf("%s has no queue %q", stack, only)
	}
	fmt.Fprintf(out, "%d messages are back where they died, and are tried again.\n", all)
	for _, url := range others {
		n, err := r.waiting(ctx, url)
		if err != nil {
			return err
		}
		if n > 0 {
			fmt.Fprintf(out, "%s holds %d more, which tell of places in the stream and cannot be moved: the runbook "+
				"says what to do.\n", name(url), n)
		}
	}
	return nil
}

// box is the queue's name in infra/stack.go, which CloudFormation puts between the stack's name and its own suffix:
// plugboard-prod-queuesslowdeliveries6F2A1B3C-x1.
func box(stack, url string) string {
	id := strings.TrimPrefix(name(url), stack+"-queues")
	id, _, _ = strings.Cut(id, "-")
	const hash = 8
	return id[:max(0, len(id)-hash)]
}

func plain(name string) string { return strings.ReplaceAll(name, "-", "") }
