/** An issue or a pull request. */
export interface Issue {
  /** Its number in the repository. */
  readonly number: number;
  /** Its first line. */
  readonly title: string;
  /** Who has opened it. */
  readonly creator: string;
  /** Whether it is open; a test closes it. */
  open: boolean;
  /** Anything for a pull request. */
  readonly pull_request?: unknown;
  /** The text of it and of each comment. */
  readonly texts: string[];
}

/** The part of GitHub's API that the workflows ask, for one repository. */
export interface GitHub extends AsyncDisposable {
  /** What GitHub tells a step: where it is, and the token of the job. */
  readonly env: Readonly<Record<string, string>>;
  /** Who can see the repository. */
  visibility: string;
  /** The rules of environment production; the environment is not there where undefined. */
  productionRules?: readonly { readonly type: string }[];
  /** Every issue so far. */
  readonly issues: Issue[];
  /** Method and path of each request. */
  readonly requests: string[];
  /** Statuses with which the next requests fail, by turns. */
  readonly failures: number[];
}

const BOT = "github-actions[bot]";

/** Starts the API on a loopback port, with a token of its own. */
export function startGitHub(): GitHub {
  const token = crypto.randomUUID();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => answer(request));
  const github: GitHub = {
    env: {
      GITHUB_API_URL: `http://127.0.0.1:${server.addr.port}`,
      GITHUB_SERVER_URL: "https://github.example",
      GITHUB_REPOSITORY: "heretix/lane",
      GITHUB_RUN_ID: "17",
      GITHUB_TOKEN: token,
    },
    visibility: "private",
    issues: [],
    requests: [],
    failures: [],
    [Symbol.asyncDispose]: () => server.shutdown(),
  };

  async function answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    github.requests.push(`${request.method} ${pathname}`);
    const body = await request.text();
    const failure = github.failures.shift();
    if (failure) return new Response("", { status: failure });
    if (request.headers.get("authorization") !== `Bearer ${token}`) return new Response("", { status: 401 });
    const path = pathname.replace("/repos/heretix/lane", "");
    const comments = /^\/issues\/(\d+)\/comments$/.exec(path);
    switch (`${request.method} ${comments ? "comments" : path}`) {
      case "GET ":
        return Response.json({ private: github.visibility !== "public", visibility: github.visibility });
      case "GET /environments/production":
        if (!github.productionRules) return new Response("{}", { status: 404 });
        return Response.json({ name: "production", protection_rules: github.productionRules });
      case "GET /issues":
        return Response.json(
          github.issues.filter(({ open, creator }) =>
            open === (searchParams.get("state") === "open") && creator === searchParams.get("creator")
          ),
        );
      case "POST /issues": {
        const { title, body: text } = JSON.parse(body);
        github.issues.push({ number: github.issues.length + 1, title, creator: BOT, open: true, texts: [text] });
        return Response.json({}, { status: 201 });
      }
      case "POST comments":
        github.issues.find(({ number }) => number === Number(comments![1]))!.texts.push(JSON.parse(body).body);
        return Response.json({}, { status: 201 });
      default:
        return new Response("", { status: 404 });
    }
  }
  return github;
}
