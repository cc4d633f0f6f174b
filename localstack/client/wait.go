package client

import (
	"context"
	"fmt"
	"time"
)

// askEvery is the interval of Until: an emulator answers in 10 to 100 ms.
const askEvery = 50 * time.Millisecond

// Until repeats ask until it answers true. Its error is ask's, or names the missing event when the limit or the
// context ends first.
func Until(ctx context.Context, limit time.Duration, what string, ask func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: not within %s", what, limit))
	defer cancel()
	for {
		yes, err := ask(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case yes || err != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(askEvery):
		}
	}
}
