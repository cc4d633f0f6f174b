package client

import (
	"context"
	"fmt"
	"time"
)

// askEvery is how often Until asks: an emulator answers in some 10 to 100 ms.
const askEvery = 50 * time.Millisecond

// Until asks until the answer is yes. Its error is ask's, or says what did not happen when the limit or the context
// ends first.
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
