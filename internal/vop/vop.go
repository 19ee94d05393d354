// Package vop asks a bank whose account an IBAN is (verification of payee, Regulation (EU)
// 2024/886, article 5c): the name that was given is compared there with the holder's.
// Messages are those of the European Payments Council's scheme (EPC VOP API,
// payee-verifications).
package vop

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/passerelle/passerelle/internal/sepa"
)

// Match is a bank's answer.
type Match string

// The four answers of the scheme.
const (
	Full        Match = "match"       // the account is this holder's
	Close       Match = "close"       // nearly: the bank tells the holder's name
	None        Match = "no_match"    // it is somebody else's
	Unavailable Match = "unavailable" // the bank could not say
)

var codes = map[string]Match{"MTCH": Full, "CMTC": Close, "NMTC": None, "NOAP": Unavailable}

// Answer is what a bank says of an account.
type Answer struct {
	Match Match
	Name  string // the holder's, where the match is close
}

const (
	patience    = 10 * time.Second // the scheme gives banks five
	mostBytes   = 64 << 10
	longestName = 140
)

// Client asks through one service that takes part in the scheme.
type Client struct {
	url, token, bic string
	http            *http.Client
}

// New makes a client. url is where requests are posted, token the bearer token of the
// service, bic that of the bank on whose behalf it is asked; both may be empty.
func New(url, token, bic string) *Client {
	return &Client{url: url, token: token, bic: bic, http: &http.Client{Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type agent struct {
	Institution struct {
		BIC string `json:"bicfi"`
	} `json:"financialInstitutionId"`
}

func agentOf(bic string) *agent {
	if bic == "" {
		return nil
	}
	a := &agent{}
	a.Institution.BIC = bic
	return a
}

// Ask compares the holder of an account with what its bank knows. An error says that
// nothing is known.
func (c *Client) Ask(ctx context.Context, account sepa.Account) (Answer, error) {
	var question struct {
		Party struct {
			Name string `json:"name"`
		} `json:"party"`
		Account struct {
			IBAN string `json:"iban"`
		} `json:"partyAccount"`
		Agent      *agent `json:"partyAgent,omitempty"`
		Requesting *agent `json:"requestingAgent,omitempty"`
	}
	question.Party.Name, question.Account.IBAN = account.Holder, account.IBAN.Full()
	question.Agent, question.Requesting = agentOf(string(account.BIC)), agentOf(c.bic)
	body, err := json.Marshal(question)
	if err != nil {
		return Answer{}, fmt.Errorf("vop: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("vop: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Request-ID", rand.Text())
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.send(request)
}

func (c *Client) send(request *http.Request) (Answer, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("vop: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Answer{}, fmt.Errorf("vop: status %d", response.StatusCode)
	}
	var said struct {
		Match string `json:"partyNameMatch"`
		Name  string `json:"matchedName"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, mostBytes)).Decode(&said); err != nil {
		return Answer{}, fmt.Errorf("vop: %w", err)
	}
	match, known := codes[said.Match]
	if !known {
		return Answer{}, fmt.Errorf("vop: unknown answer %q", said.Match)
	}
	if name := []rune(said.Name); match != Close || len(name) > longestName {
		said.Name = ""
	}
	return Answer{Match: match, Name: said.Name}, nil
}
