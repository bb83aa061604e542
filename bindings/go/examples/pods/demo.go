// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"encoding/json"
	"fmt"
	"net"
)

// runDemo is a client: one pod, two containers in it.
func runDemo(socket, rootfs string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	encoder, decoder := json.NewEncoder(conn), json.NewDecoder(conn)
	ask := func(q Request) (answer Answer) {
		if err != nil {
			return
		}
		q.Pod = "demo"
		if err = encoder.Encode(q); err == nil {
			err = decoder.Decode(&answer)
		}
		if err == nil && answer.Error != "" {
			err = fmt.Errorf("%s: %s", q.Verb, answer.Error)
		}
		return
	}
	ask(Request{Verb: "RunPod"})
	ask(Request{Verb: "CreateContainer", Container: "web", Rootfs: rootfs, Args: []string{"sh", "-c", "echo web is up; sleep 1000"}})
	ask(Request{Verb: "CreateContainer", Container: "job", Rootfs: rootfs, Args: []string{"sh", "-c", "echo job is done; exit 3"}})
	ask(Request{Verb: "StartContainer", Container: "web"})
	ask(Request{Verb: "StartContainer", Container: "job"})
	fmt.Println("job ended with", ask(Request{Verb: "Wait", Container: "job"}).Status)
	fmt.Printf("exec in web: %s\n", ask(Request{Verb: "Exec", Container: "web", Args: []string{"cat"}, Input: []byte("hello")}).Output)
	status := ask(Request{Verb: "PodStatus"})
	fmt.Println("pod", status.State, "web", status.Containers["web"], "job", status.Containers["job"])
	for _, name := range []string{"web", "job"} {
		var log []byte
		for len(log) == 0 && err == nil { // the server copies it as it comes
			log = ask(Request{Verb: "Log", Container: name}).Output
		}
		fmt.Printf("%s", log)
	}
	ask(Request{Verb: "StopPod", Seconds: 1})
	ask(Request{Verb: "RemovePod"})
	return err
}
