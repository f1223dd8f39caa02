// SPDX-License-Identifier: Apache-2.0
import java.io.ByteArrayInputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * java Peer PORT PKI VERSION [BYTES]: stdin to the server, what it sends to stdout, until both have
 * ended. BYTES is how much one key may carry (AES-GCM of TLS 1.3), see jdk.tls.keyLimits.
 */
public final class Peer {
	private static final char[] NO_PASSWORD = new char[0];

	public static void main(String[] args) throws Exception {
		if (args.length > 3)
			Security.setProperty("jdk.tls.keyLimits",
					"AES/GCM/NoPadding KeyUpdate " + args[3]);
		try (SSLSocket socket = connect(Integer.parseInt(args[0]), Path.of(args[1]), "TLSv" + args[2])) {
			CompletableFuture<Void> received = CompletableFuture.runAsync(() -> receive(socket));

			System.in.transferTo(socket.getOutputStream());
			socket.shutdownOutput();
			received.get();
		}
	}

	private static void receive(SSLSocket socket) {
		try (OutputStream out = new FileOutputStream(FileDescriptor.out)) {
			socket.getInputStream().transferTo(out);
		} catch (IOException e) {
			/* The other thread waits for stdin, which may have no end yet. */
			System.err.println(e);
			System.exit(1);
		}
	}

	private static SSLSocket connect(int port, Path pki, String version)
			throws GeneralSecurityException, IOException {
		Socket tcp = new Socket("127.0.0.1", port);
		SSLSocket socket = (SSLSocket) context(pki).getSocketFactory()
				.createSocket(tcp, "localhost", port, true);
		SSLParameters parameters = socket.getSSLParameters();

		parameters.setEndpointIdentificationAlgorithm("HTTPS");
		parameters.setProtocols(new String[] {version});
		socket.setSSLParameters(parameters);
		socket.startHandshake();
		return socket;
	}

	private static SSLContext context(Path pki) throws GeneralSecurityException, IOException {
		KeyStore ours = emptyStore(), theirs = emptyStore();
		KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
		TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
		SSLContext context = SSLContext.getInstance("TLS");

		ours.setKeyEntry("client", key(pki.resolve("client-a.key")), NO_PASSWORD,
				chain(pki.resolve("client-a.pem")));
		theirs.setCertificateEntry("ca", chain(pki.resolve("ca.pem"))[0]);
		keys.init(ours, NO_PASSWORD);
		trust.init(theirs);
		context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
		return context;
	}

	private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
		KeyStore store = KeyStore.getInstance("PKCS12");

		store.load(null, null);
		return store;
	}

	private static Certificate[] chain(Path pem) throws GeneralSecurityException, IOException {
		return CertificateFactory.getInstance("X.509")
				.generateCertificates(new ByteArrayInputStream(Files.readAllBytes(pem)))
				.toArray(new Certificate[0]);
	}

	private static PrivateKey key(Path pem) throws GeneralSecurityException, IOException {
		String base64 = Files.readString(pem).replaceAll("-----[A-Z ]+-----", "");

		return KeyFactory.getInstance("EC").generatePrivate(
				new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(base64)));
	}
}
