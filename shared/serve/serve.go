// Package serve joins handlers to Lambda: configuration from the environment, AWS clients, logging, and API
// Gateway's events as HTTP requests. A function's main says what it is built of; the rest is here.
package serve

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/caarlos0/env/v11"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// Parts are what functions are built of. Making one calls nothing, so that a cold start waits for no network.
type Parts struct {
	AWS   aws.Config
	Store *store.Store
	Now   domain.Clock
	NewID domain.IDSource
	// Metrics go where the log goes.
	Metrics *metric.Log
	// Sealer seals secrets under the key that SEALING_KEY_ARN names: one a process, so that KMS is asked once.
	Sealer func() (*secret.Sealer, error)
}

// Worker starts a function whose handler takes the events of a queue or a stream.
func Worker[E, R any](build func(Parts) (func(context.Context, E) (R, error), error)) {
	start(func(p Parts) (any, error) { return build(p) })
}

// HTTP starts a function that owns operations.
func HTTP(f contract.Function, build func(Parts) (func(*contract.API), error)) {
	start(func(p Parts) (any, error) {
		routes, err := build(p)
		if err != nil {
			return nil, err
		}
		c, err := env.ParseAs[httpConfig]()
		if err != nil {
			return nil, err
		}
		gate, err := p.gate(f, c)
		if err != nil {
			return nil, err
		}
		cursors := auth.NewCursorKeys(newSecretService(p.AWS), c.CursorKey, p.Now)
		handler, err := contract.New(f, gate, p.Store, cursors, routes)
		return gateway{handler}.invoke, err
	})
}

// Web starts a function that answers HTTP with pages.
func Web(build func(Parts) (http.Handler, error)) {
	start(func(p Parts) (any, error) {
		handler, err := build(p)
		return gateway{handler}.invoke, err
	})
}

// Limiter refuses the requests of an account that asks too often.
func (p Parts) Limiter() (*auth.Limiter, error) {
	c, err := env.ParseAs[auth.LimitConfig]()
	return auth.NewLimiter(p.Store, c, p.Now), err
}

// Cursors authenticate the cursors of lists.
func (p Parts) Cursors() (*auth.CursorKeys, error) {
	c, err := env.ParseAs[auth.CursorKeyConfig]()
	return auth.NewCursorKeys(newSecretService(p.AWS), c, p.Now), err
}

// PlatformKeys know the platform's key.
func (p Parts) PlatformKeys() (*auth.SecretKeys, error) {
	c, err := env.ParseAs[auth.PlatformKeyConfig]()
	return auth.NewSecretKeys(newSecretService(p.AWS), c, p.Now), err
}

type httpConfig struct {
	OIDC        auth.OIDCConfig
	PlatformKey auth.PlatformKeyConfig
	CursorKey   auth.CursorKeyConfig
	Limit       auth.LimitConfig
}

func (p Parts) gate(f contract.Function, c httpConfig) (*auth.Gate, error) {
	identity, err := auth.NewOIDC(c.OIDC, p.Now)
	if err != nil {
		return nil, err
	}
	gate := auth.NewGate(p.Store, identity,
		auth.NewSecretKeys(newSecretService(p.AWS), c.PlatformKey, p.Now), p.Now)
	gate.Limiting(auth.NewLimiter(p.Store, c.Limit, p.Now))
	if !contract.TakesCallbacks(f) {
		return gate, nil
	}
	sealer, err := p.Sealer()
	return gate.Opening(sealer), err
}

// start ends the process with one line when the environment is wrong, and Lambda reports it.
func start(build func(Parts) (any, error)) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	parts, err := parts()
	if err == nil {
		var handler any
		if handler, err = build(parts); err == nil {
			lambda.Start(handler)
			return
		}
	}
	slog.Error("cannot start", "error", err)
	os.Exit(1)
}

func parts() (Parts, error) {
	tables, err := env.ParseAs[store.Config]()
	if err != nil {
		return Parts{}, err
	}
	cloud, err := env.ParseAs[cloud]()
	if err != nil {
		return Parts{}, err
	}
	c := cloud.config()
	p := Parts{
		AWS: c, Store: store.New(dynamodb.NewFromConfig(c), tables, domain.SystemClock), Now: domain.SystemClock,
		NewID:   domain.NewID,
		Metrics: metric.New(cloud.Stage, os.Stdout, domain.SystemClock),
	}
	p.Sealer = sync.OnceValues(func() (*secret.Sealer, error) {
		config, err := env.ParseAs[secret.Config]()
		return secret.NewSealer(newKeyService(c), p.Store, config, p.Now), err
	})
	return p, nil
}

// cloud is what Lambda tells of AWS, for the life of the process. The SDK's own loader would also look for profiles,
// sign-on sessions and metadata services, none of which a function has, for 2 MB.
type cloud struct {
	Region       string `env:"AWS_REGION,required"`
	AccessKey    string `env:"AWS_ACCESS_KEY_ID,required"`
	SecretKey    string `env:"AWS_SECRET_ACCESS_KEY,required"`
	SessionToken string `env:"AWS_SESSION_TOKEN"`
	Endpoint     string `env:"AWS_ENDPOINT_URL"` // an emulator's
	Stage        string `env:"STAGE,required"`   // which the stack tells every function
}

func (c cloud) config() aws.Config {
	credentials := aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey, SessionToken: c.SessionToken,
		Source: "environment"}
	config := aws.Config{
		Region: c.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return credentials, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(callTimeout),
	}
	if c.Endpoint != "" {
		config.BaseEndpoint = &c.Endpoint
	}
	return config
}

// callTimeout ends one call of AWS that hangs, in time for another within a function's own.
const callTimeout = 10 * time.Second
