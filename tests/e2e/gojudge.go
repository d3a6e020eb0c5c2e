// SPDX-License-Identifier: GPL-3.0-or-later

// gojudge: what Go's golang.org/x/crypto/ssh makes of our certificates.
//
//	gojudge stepca SOCKET COMMENT PUBKEY PRINCIPAL
//	gojudge verify user|host CA.pub PRINCIPAL CERTIFICATE...
//	gojudge login ADDRESS HOST HOST-CA.pub TYPE USER KEY CERTIFICATE
//
// "stepca" goes the way of step-ca where its keys are in an agent, and writes
// the certificates that it got as lines.  "login" tells who the host was.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

const rounds = 4

func readKey(file string) (ssh.PublicKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

func readCertificate(file string) (*ssh.Certificate, error) {
	key, err := readKey(file)
	if err != nil {
		return nil, err
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("%s: no certificate", file)
	}
	return cert, nil
}

func same(a, b ssh.PublicKey) bool {
	return bytes.Equal(a.Marshal(), b.Marshal())
}

// --- the judgement ---

// A server asks who wants to log in, and a client where it is.
type somebody struct {
	ssh.ConnMetadata
	name string
}

func (s somebody) User() string { return s.name }

func judge(ca ssh.PublicKey, kind, name string, cert *ssh.Certificate) error {
	checker := ssh.CertChecker{
		IsUserAuthority: func(k ssh.PublicKey) bool {
			return same(k, ca)
		},
		IsHostAuthority: func(k ssh.PublicKey, _ string) bool {
			return same(k, ca)
		},
	}
	if kind == "host" {
		return checker.CheckHostKey(net.JoinHostPort(name, "22"), nil,
			cert)
	}
	_, err := checker.Authenticate(somebody{name: name}, cert)
	return err
}

// The same certificate for another kind of use or another name, or with
// another number in it, has to be refused, or the judgement says nothing.
func judgeAll(ca ssh.PublicKey, kind, name string,
	cert *ssh.Certificate) error {
	if err := judge(ca, kind, name, cert); err != nil {
		return err
	}
	other := map[string]string{"user": "host", "host": "user"}[kind]
	if judge(ca, other, name, cert) == nil {
		return fmt.Errorf("it is one for a %s, too", other)
	}
	if judge(ca, kind, name+"x", cert) == nil {
		return errors.New("it is one for another name, too")
	}
	if judge(cert.Key, kind, name, cert) == nil {
		return errors.New("it is one by another CA, too")
	}
	changed := *cert
	changed.Serial++
	if judge(ca, kind, name, &changed) == nil {
		return errors.New("it may be changed")
	}
	return nil
}

func verify(kind, caFile, name string, files []string) error {
	ca, err := readKey(caFile)
	if err != nil {
		return err
	}
	for _, f := range files {
		cert, err := readCertificate(f)
		if err != nil {
			return err
		}
		if err := judgeAll(ca, kind, name, cert); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		fmt.Printf("%s by %s %s\n", cert.Type(), ca.Type(),
			cert.Signature.Format)
	}
	return nil
}

// --- step-ca ---

// A key in an agent, by its comment.  Each signature has a connection of its
// own, on which the key is looked for again; RSA signs with SHA-256.
type stepSigner struct {
	socket  string
	comment string
	public  ssh.PublicKey
}

// with has one connection, and on it the one key of that comment.
func (s *stepSigner) with(do func(ssh.Signer) error) error {
	conn, err := net.Dial("unix", s.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	client := agent.NewClient(conn)
	keys, err := client.List()
	if err != nil {
		return err
	}
	var wanted *agent.Key
	for _, k := range keys {
		if k.Comment != s.comment {
			continue
		}
		if wanted != nil {
			return fmt.Errorf("two keys are %q", s.comment)
		}
		wanted = k
	}
	if wanted == nil {
		return fmt.Errorf("no key is %q", s.comment)
	}
	signers, err := client.Signers()
	if err != nil {
		return err
	}
	for _, signer := range signers {
		if bytes.Equal(signer.PublicKey().Marshal(), wanted.Blob) {
			return do(signer)
		}
	}
	return fmt.Errorf("nothing signs for %q", s.comment)
}

func (s *stepSigner) find() error {
	return s.with(func(signer ssh.Signer) (err error) {
		// It is compared and printed: an agent's own type is not.
		s.public, err = ssh.ParsePublicKey(signer.PublicKey().Marshal())
		return err
	})
}

func (s *stepSigner) PublicKey() ssh.PublicKey { return s.public }

func (s *stepSigner) Sign(random io.Reader, data []byte) (
	sig *ssh.Signature, err error) {
	err = s.with(func(signer ssh.Signer) (err error) {
		if s.public.Type() != ssh.KeyAlgoRSA {
			sig, err = signer.Sign(random, data)
			return err
		}
		by, ok := signer.(ssh.AlgorithmSigner)
		if !ok {
			return errors.New("RSA signs with SHA-1 only")
		}
		sig, err = by.SignWithAlgorithm(random, data,
			ssh.KeyAlgoRSASHA256)
		return err
	})
	return sig, err
}

func randomSerial() (uint64, error) {
	var b [8]byte
	for {
		if _, err := rand.Read(b[:]); err != nil {
			return 0, err
		}
		if n := binary.BigEndian.Uint64(b[:]); n != 0 {
			return n, nil
		}
	}
}

func stepOne(s *stepSigner, subject ssh.PublicKey, name string) (
	*ssh.Certificate, error) {
	serial, err := randomSerial()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	cert := &ssh.Certificate{
		Key:             subject,
		Serial:          serial,
		CertType:        ssh.UserCert,
		KeyId:           name + "@example.org",
		ValidPrincipals: []string{name},
		ValidAfter:      uint64(now.Add(-time.Minute).Unix()),
		ValidBefore:     uint64(now.Add(time.Hour).Unix()),
		Permissions: ssh.Permissions{Extensions: map[string]string{
			"permit-X11-forwarding":   "",
			"permit-agent-forwarding": "",
			"permit-port-forwarding":  "",
			"permit-pty":              "",
			"permit-user-rc":          "",
		}},
	}
	if err := cert.SignCert(rand.Reader, s); err != nil {
		return nil, err
	}
	if s.public.Type() == ssh.KeyAlgoRSA &&
		cert.Signature.Format != ssh.KeyAlgoRSASHA256 {
		return nil, fmt.Errorf("signed with %s", cert.Signature.Format)
	}
	return cert, judgeAll(s.public, "user", name, cert)
}

func stepca(socket, comment, subjectFile, name string) error {
	subject, err := readKey(subjectFile)
	if err != nil {
		return err
	}
	s := &stepSigner{socket: socket, comment: comment}
	if err := s.find(); err != nil {
		return err
	}
	for i := 0; i < rounds; i++ {
		cert, err := stepOne(s, subject, name)
		if err != nil {
			return err
		}
		os.Stdout.Write(ssh.MarshalAuthorizedKey(cert))
	}
	return nil
}

// --- login ---

func readIdentity(keyFile, certFile string) (ssh.Signer, error) {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	cert, err := readCertificate(certFile)
	if err != nil {
		return nil, err
	}
	return ssh.NewCertSigner(cert, key)
}

// login prints what the host sent, and which host key it had.  No host key
// is believed for itself.
func login(address, host, caFile, algorithm, user, keyFile,
	certFile string) error {
	ca, err := readKey(caFile)
	if err != nil {
		return err
	}
	identity, err := readIdentity(keyFile, certFile)
	if err != nil {
		return err
	}
	checker := ssh.CertChecker{
		IsHostAuthority: func(k ssh.PublicKey, _ string) bool {
			return same(k, ca)
		},
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	c, channels, requests, err := ssh.NewClientConn(conn,
		net.JoinHostPort(host, "22"), &ssh.ClientConfig{
			User:              user,
			Auth:              []ssh.AuthMethod{ssh.PublicKeys(identity)},
			HostKeyCallback:   checker.CheckHostKey,
			HostKeyAlgorithms: strings.Split(algorithm, ","),
		})
	if err != nil {
		return err
	}
	client := ssh.NewClient(c, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	said, err := session.Output("echo in")
	os.Stdout.Write(said)
	return err
}

func main() {
	var err error
	a := os.Args[1:]
	switch {
	case len(a) == 5 && a[0] == "stepca":
		err = stepca(a[1], a[2], a[3], a[4])
	case len(a) > 4 && a[0] == "verify" &&
		(a[1] == "user" || a[1] == "host"):
		err = verify(a[1], a[2], a[3], a[4:])
	case len(a) == 8 && a[0] == "login":
		err = login(a[1], a[2], a[3], a[4], a[5], a[6], a[7])
	default:
		err = errors.New("usage: see the beginning of gojudge.go")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gojudge:", err)
		os.Exit(1)
	}
}
