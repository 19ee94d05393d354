// Command stripe is the fake Stripe as a server of its own, for the walk in a browser. What
// payers and their banks do comes in under /test/.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/passerelle/passerelle/internal/stripe/stripefake"
)

func main() {
	account := stripefake.New(os.Args[1], os.Args[2], time.Now)
	account.Delay = 0 // a payment can be paid out at once
	http.Handle("/v1/", account)
	http.HandleFunc("POST /test/pay/{page}", func(_ http.ResponseWriter, r *http.Request) { account.Pay(r.PathValue("page")) })
	http.HandleFunc("GET /test/deliveries", func(w http.ResponseWriter, _ *http.Request) { write(w, account.Deliveries()) })
	http.HandleFunc("GET /test/sent", func(w http.ResponseWriter, _ *http.Request) { write(w, account.Sent()) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func write(w http.ResponseWriter, all any) {
	if err := json.NewEncoder(w).Encode(all); err != nil {
		log.Print(err)
	}
}
