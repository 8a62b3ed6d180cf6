/** Requests to the server. Every failure is an `ApiError` whose message is for people. */
import type { Document, Listed } from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly data: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** This page among all that are open: its own changes need not be told to it. */
export const PAGE = crypto.getRandomValues(new Uint32Array(2)).join("-");

async function failure(answer: Response): Promise<ApiError> {
  let data: Record<string, unknown> = {};
  try {
    data = (await answer.json()) as Record<string, unknown>;
  } catch {
    // an answer without words
  }
  const message = typeof data.message === "string" ? data.message : `The server answered ${answer.status}.`;
  return new ApiError(answer.status, String(data.error ?? ""), message, data);
}

export async function request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(`/api${path}`, {
      method,
      credentials: "same-origin",
      headers: { "X-Page": PAGE, ...(body === undefined ? {} : { "Content-Type": body instanceof Blob ? "application/octet-stream" : "application/json" }) },
      ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (problem) {
    if (signal?.aborted) throw problem;
    throw new ApiError(0, "offline", "The server does not answer, so this was probably not done; the page shows it when the server is back. What was done before is saved.");
  }
  if (!answer.ok) throw await failure(answer);
  return answer;
}

/** A failure that passes by itself: the server is away, or has too many requests at once. */
export const passing = (problem: unknown): boolean => problem instanceof ApiError && [0, 429, 502, 503, 504].includes(problem.status);

const json = async <T>(answer: Promise<Response>): Promise<T> => (await answer).json() as Promise<T>;

export const get = <T>(path: string, signal?: AbortSignal) => json<T>(request("GET", path, undefined, signal));
export const post = <T>(path: string, body: unknown = {}, signal?: AbortSignal) => json<T>(request("POST", path, body, signal));
export const put = <T>(path: string, body: unknown = {}) => json<T>(request("PUT", path, body));
export const patch = <T>(path: string, body: unknown = {}) => json<T>(request("PATCH", path, body));
export const remove = <T>(path: string) => json<T>(request("DELETE", path));

/** Sends a file as it is. */
export const send = <T>(path: string, file: Blob) => json<T>(request("PUT", path, file));

export const query = (values: Record<string, string | number | boolean | null | undefined>): string => {
  const found = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== null && value !== undefined) found.set(key, String(value));
  const text = found.toString();
  return text ? `?${text}` : "";
};

/** The session of an image file; of several images that of one of them. */
export const openImage = (path: string, image?: number) => post<{ id: string }>("/open", image === undefined ? { path } : { path, image });
/** Of a file of several images each; nothing of a file of one. */
export const imagesOf = (path: string) => get<Listed[]>(`/images${query({ path })}`);
export const readSession = (id: string) => get<Document>(`/sessions/${id}`);

/** Sends one file; `progress` gets the part that is sent, 0 to 1. */
export function upload(folder: string, file: File, progress: (part: number) => void, signal?: AbortSignal): Promise<{ path: string; several: boolean }> {
  return new Promise((resolve, reject) => {
    const sender = new XMLHttpRequest();
    sender.open("PUT", `/api/upload${query({ path: folder, name: file.name })}`);
    sender.setRequestHeader("Content-Type", "application/octet-stream");
    sender.setRequestHeader("X-Page", PAGE);
    sender.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
    sender.onload = () => {
      let data: Record<string, unknown> = {};
      try {
        data = JSON.parse(sender.responseText) as Record<string, unknown>;
      } catch {
        // no words
      }
      if (sender.status < 300) resolve(data as { path: string; several: boolean });
      else reject(new ApiError(sender.status, String(data.error ?? ""), String(data.message ?? `The server answered ${sender.status}.`), data));
    };
    sender.onerror = () => reject(new ApiError(0, "offline", `${file.name} could not be sent: the connection was lost, or the file is too large.`));
    sender.onabort = () => reject(new DOMException("", "AbortError"));
    signal?.addEventListener("abort", () => sender.abort());
    sender.send(file);
  });
}
