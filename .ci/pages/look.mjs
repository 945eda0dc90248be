// Opens reports of smtpdx in a real Chromium and demands of each what a person
// needs: nothing is fetched, nothing complains, the verdict stands on the first
// screen of a computer and of a telephone, nothing has to be scrolled sideways,
// axe-core finds nothing serious, and the print has at most three pages.
//
//   node look.mjs CHROMIUM AXE.JS PICTURES FILE.html...
import { chromium } from 'playwright-core'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'

const [executablePath, axe, pictures, ...files] = process.argv.slice(2)
const views = [
  { name: 'light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  { name: 'dark', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  { name: 'phone', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
]
let faults = 0

function demand(holds, file, view, words) {
  if (holds) return
  faults++
  console.log(`FAILED ${basename(file)} (${view}): ${words}`)
}

async function look(browser, file, view) {
  const { name, ...options } = view
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const asked = []
  const said = []
  page.on('request', (r) => asked.push(r.url()))
  page.on('console', (m) => said.push(m.text()))
  page.on('pageerror', (e) => said.push(String(e)))
  page.on('dialog', (d) => { said.push('a dialog'); d.dismiss() })
  await page.goto('file://' + resolve(file))
  await page.screenshot({ path: `${pictures}/${basename(file, '.html')}-${name}.png` })
  const seen = await page.evaluate(() => ({
    verdict: document.querySelector('h1').getBoundingClientRect().bottom,
    height: window.innerHeight,
    sideways: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  }))
  demand(asked.length === 1, file, name, `requests: ${asked}`)
  demand(said.length === 0, file, name, `the console says: ${said}`)
  demand(seen.verdict > 0 && seen.verdict <= seen.height, file, name, `the verdict ends at ${seen.verdict} of ${seen.height}`)
  demand(!seen.sideways, file, name, 'it has to be scrolled sideways')
  await context.close()
}

// axe needs a script in the page, which the page's own policy forbids.
async function judge(browser, file, view) {
  const { name, ...options } = view
  const context = await browser.newContext({ ...options, bypassCSP: true })
  const page = await context.newPage()
  await page.goto('file://' + resolve(file))
  await page.addScriptTag({ content: readFileSync(axe, 'utf8') })
  const found = await page.evaluate(async () => (await globalThis.axe.run()).violations.map((v) => ({ id: v.id, impact: v.impact, at: v.nodes[0].html })))
  const serious = found.filter((v) => v.impact === 'serious' || v.impact === 'critical')
  demand(serious.length === 0, file, name, JSON.stringify(serious))
  await context.close()
  return found.length
}

async function print(browser, file) {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto('file://' + resolve(file))
  const pdf = await page.pdf({ preferCSSPageSize: true })
  writeFileSync(`${pictures}/${basename(file, '.html')}.pdf`, pdf)
  const pages = (pdf.toString('latin1').match(/\/Type\s*\/Page[^s]/g) ?? []).length
  demand(pages >= 1 && pages <= 3, file, 'print', `${pages} pages`)
  await context.close()
  return pages
}

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
for (const file of files) {
  let findings = 0
  for (const view of views) {
    await look(browser, file, view)
    findings += await judge(browser, file, view)
  }
  const pages = await print(browser, file)
  console.log(`${basename(file)}: ${views.length} views, ${findings} findings of axe, ${pages} printed pages`)
}
await browser.close()
console.log(`${files.length} pages looked at, ${faults} faults`)
process.exit(faults > 0 ? 1 : 0)
