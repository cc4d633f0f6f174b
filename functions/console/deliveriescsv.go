package console

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/fault"
)

// Limits of a CSV file. A page of the log that finds little costs the most, up to a second of the function's 20.
const (
	csvRows   = 10_000
	csvSparse = 10 // pages that are not full
	csvPage   = 100
)

var csvHead = []string{
	"event_at", "event_type", "event_id", "contract_id", "webhook_id", "webhook", "state", "status", "failure",
	"reason", "attempts", "milliseconds", "delivery_id",
}

// deliveriesCSV is the filtered log as a file, without any body. A file that is cut says so in its last row.
func (k *Console) deliveriesCSV(q *request) (answer, error) {
	in, wrong := deliveryFilter(q.URL.Query())
	if len(wrong) > 0 {
		return answer{}, fault.New(fault.Invalid, "invalid", "%s", strings.Join(wrong, " "))
	}
	hooks, err := webhooksOf(q)
	if err != nil {
		return answer{}, err
	}
	var file bytes.Buffer
	rows := csv.NewWriter(&file)
	rows.UseCRLF = true // RFC 4180
	_ = rows.Write(csvHead)
	in.Limit = csvPage
	sparse, n := 0, 0
	for {
		out, err := call(q, contract.ListAccountDeliveries, in)
		if err != nil {
			return answer{}, err
		}
		for _, d := range out.Body.Items {
			_ = rows.Write(csvRow(rowOf(d, hooks)))
		}
		if n += len(out.Body.Items); len(out.Body.Items) < csvPage {
			sparse++
		}
		if in.Cursor = out.Body.NextCursor; in.Cursor == "" {
			break
		}
		if n >= csvRows || sparse == csvSparse {
			_ = rows.Write([]string{fmt.Sprintf("Cut after %d rows: the log goes on before %s. Ask again with that "+
				"time as the end.", n, utc(out.Body.LookedBackTo))})
			break
		}
	}
	rows.Flush()
	return answer{file: file.Bytes(), fileType: "text/csv; charset=utf-8", fileName: "deliveries-" +
		k.now().UTC().Format("2006-01-02T1504") + ".csv", status: http.StatusOK}, rows.Error()
}

func csvRow(r deliveryRow) []string {
	d, last := r.delivery, lastAttempt(r.delivery.Attempts)
	status := ""
	if last.Status != 0 {
		status = strconv.Itoa(last.Status)
	}
	cells := []string{
		utc(r.At), d.EventType, string(d.Event), string(r.Contract), string(d.Webhook), r.Webhook, string(d.State),
		status, string(last.Failure), last.Reason,
		r.Attempts, strconv.FormatInt(last.Milliseconds, 10), string(d.ID),
	}
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	return cells
}

// harmless is a cell that no spreadsheet takes for a formula.
// https://owasp.org/www-community/attacks/CSV_Injection
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
