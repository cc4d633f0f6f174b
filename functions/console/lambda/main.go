package main

import (
	"errors"
	"net/http"

	"github.com/caarlos0/env/v11"

	"plugboard/functions/console"
	"plugboard/shared/serve"
)

func main() {
	serve.Web(func(p serve.Parts) (http.Handler, error) {
		c, err := env.ParseAs[console.Config]()
		sealer, unsealed := p.Sealer()
		cursors, unsigned := p.Cursors()
		limiter, unlimited := p.Limiter()
		platform, unknown := p.PlatformKeys()
		if err := errors.Join(err, unsealed, unsigned, unlimited, unknown); err != nil {
			return nil, err
		}
		return console.New(c, console.Parts{Store: p.Store, Sealer: sealer, Cursors: cursors, Limiter: limiter,
			Platform: platform, Now: p.Now, NewID: p.NewID})
	})
}
