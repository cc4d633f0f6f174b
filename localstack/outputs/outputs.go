// Package outputs is what a deployment to an emulator tells those who use it: the file localstack/outputs.json.
package outputs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Outputs are read at run time, as their shapes differ between emulators. The file holds a key: its mode is 0600.
type Outputs struct {
	Stage       string `json:"stage"`
	Endpoint    string `json:"endpoint"`     // of the AWS API
	APIURL      string `json:"api_url"`      // of the deployed API, without a slash at the end
	PlatformKey string `json:"platform_key"` // the platform's credential
	IssuerDir   string `json:"issuer_dir"`   // for issuer.Load

	// ReceiverHost is this machine as the functions see it: where a webhook receiver started here is reached.
	ReceiverHost string `json:"receiver_host"`

	// ConsoleURL is where browsers find the API's root: the front door. Pages are below /console.
	ConsoleURL string `json:"console_url"`

	AccountsTable              string            `json:"accounts_table"`
	DeliveriesTable            string            `json:"deliveries_table"`
	ProvisionsQueueURL         string            `json:"provisions_queue_url"`
	ProvisionsDeadQueueURL     string            `json:"provisions_dead_queue_url"`
	DeliveriesQueueURL         string            `json:"deliveries_queue_url"`
	DeliveriesDeadQueueURL     string            `json:"deliveries_dead_queue_url"`
	SlowDeliveriesQueueURL     string            `json:"slow_deliveries_queue_url"`
	SlowDeliveriesDeadQueueURL string            `json:"slow_deliveries_dead_queue_url"`
	FanoutDeadQueueURL         string            `json:"fanout_dead_queue_url"`
	Functions                  map[string]string `json:"functions"` // folder name to the Lambda's name
}

// Load reads the file. It fails, naming `make up`, where nothing is deployed.
func Load(path string) (Outputs, error) {
	var o Outputs
	text, err := os.ReadFile(path)
	if err != nil {
		return o, fmt.Errorf("no deployed stack is known (run `make up`): %w", err)
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return o, fmt.Errorf("read %s (run `make up` to write it anew): %w", path, err)
	}
	return o, nil
}

// Save replaces the file, and makes its folder: with an emulator that was started elsewhere nothing else has.
func (o Outputs) Save(path string) error {
	text, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "outputs") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := temporary.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
