import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [svelte()],
  base: "/",
  resolve: {
    // Viv's readers of TIFF and Zarr stay out: the server opens the files, and the page gets tiles.
    alias: { "@vivjs/loaders": here("./src/viewer/loaders.ts") },
  },
  build: {
    outDir: here("../src/abbe/server/page"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the page's policy lets no data: script or style in
    chunkSizeWarningLimit: 1400,
    modulePreload: { polyfill: false },
  },
});
