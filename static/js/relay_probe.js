/** Tries STUN and TURN servers from this browser, without anybody on the other side. */

const PATIENCE_MS = 8000;

/**
 * Gather candidates at these servers alone. Resolves with the types that came, and the STUN error codes.
 * @param {RTCIceServer[]} iceServers @param {typeof RTCPeerConnection} [Connection]
 * @returns {Promise<{types: string[], errors: number[]}>}
 */
export async function gather(iceServers, Connection = RTCPeerConnection) {
  const connection = new Connection({ iceServers });
  const types = new Set();
  const errors = new Set();
  try {
    const done = new Promise((resolve) => {
      connection.onicecandidate = ({ candidate }) => {
        if (!candidate) return resolve(undefined);
        types.add(/ typ (\w+)/.exec(candidate.candidate)?.[1]);
      };
      connection.onicecandidateerror = ({ errorCode }) => errors.add(errorCode);
    });
    connection.createDataChannel("probe");
    await connection.setLocalDescription();
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  } finally {
    connection.close();
  }
  return { types: [...types], errors: [...errors] };
}
