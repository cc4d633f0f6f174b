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
		sealer, failed := p.Sealer()
		if err := errors.Join(err, failed); err != nil {
			return nil, err
		}
		return console.New(c, p.Store, sealer, p.Now, p.NewID)
	})
}
