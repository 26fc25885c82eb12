package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

// Bounds of what a provider is taken seriously in.
const (
	answerMax    = 1 << 20 // bytes of an answer
	redirectsMax = 3
)

// errAnswerTooLarge is what reading an answer beyond answerMax fails with.
var errAnswerTooLarge = errors.New("the answer is larger than 1 MiB")

// newProviderClient makes a client with bounds from one without: an answer takes
// at most timeout and answerMax, and nothing that was meant for one host, such
// as the client's secret, is sent on to another.
func newProviderClient(from *http.Client, timeout time.Duration) *http.Client {
	c := http.Client{Transport: http.DefaultTransport}
	if from != nil {
		c = *from
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = boundedTransport{c.Transport}
	c.Timeout = timeout
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		switch first := via[0].URL; {
		case r.URL.Host != first.Host || r.URL.Scheme != first.Scheme:
			return errors.New("a redirect to another host")
		case len(via) > redirectsMax:
			return errors.New("too many redirects")
		}
		return nil
	}
	return &c
}

// boundedTransport cuts off what is too large.
type boundedTransport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if response.ContentLength > answerMax {
		return nil, errors.Join(errAnswerTooLarge, response.Body.Close())
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: answerMax}
	return response, nil
}

// boundedBody fails where io.LimitReader would pretend that this was all.
type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errAnswerTooLarge
	}
	return n, err
}

// statusError is the status of an answer that is not 200.
type statusError int

// Error names it.
func (s statusError) Error() string { return fmt.Sprintf("the answer's status is %d", int(s)) }

// getJSON asks an address in the name of a token's owner and decodes the answer.
func getJSON(ctx context.Context, client *http.Client, address string, token *oauth2.Token, answer any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "Rally")
	r.Header.Set("Authorization", "Bearer "+token.AccessToken) // whatever they call its type
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return statusError(response.StatusCode)
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("%s: %w", r.URL.Path, err)
	}
	return nil
}
