import { mount } from "svelte";
import "./app.css";
import App from "./App.svelte";
import { keepFocus } from "./lib/focus";
import { preferences } from "./lib/settings.svelte";

preferences.apply();
matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => preferences.apply());
if ("serviceWorker" in navigator && window.isSecureContext) void navigator.serviceWorker.register("/worker.js");
keepFocus();

mount(App, { target: document.getElementById("app")! });
