// An identity provider for tests: node provider.js PORT REDIRECT_URI. Whoever logs in is who they say;
// their groups and branches stand in PEOPLE, a JSON text in the environment.
import Provider from "oidc-provider";

const [port, redirect] = process.argv.slice(2);
const people = JSON.parse(process.env.PEOPLE);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: "guanjia", client_secret: "a secret of tests", redirect_uris: [redirect],
    grant_types: ["authorization_code"], response_types: ["code"],
  }],
  claims: { openid: ["sub"], profile: ["name", "groups", "branches"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["only for tests"] },
  findAccount: async (_context, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, name: id, ...people[id] }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
