// Command tidewatch-server answers requests for predicted levels.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"strings"
)

type reply struct {
	Station string    `json:"station"`
	Levels  []float64 `json:"levels"`
}

func levels(store *Store) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/api/levels/")
		station, ok := store.Find(name)
		if !ok {
			http.Error(w, fmt.Sprintf("no station %q", name), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(reply{name, station.Day()}); err != nil {
			log.Printf("levels: %v", err)
		}
	}
}

func main() {
	port := flag.Int("port", 8080, "TCP port to listen on")
	file := flag.String("stations", "data/stations.json", "file with the harmonic constants")
	flag.Parse()

	store, err := OpenStore(*file)
	if err != nil {
		log.Fatalf("cannot read the stations: %v", err)
	}
	http.HandleFunc("/api/levels/", levels(store))
	log.Fatal(http.ListenAndServe(fmt.Sprintf(":%d", *port), nil))
}
