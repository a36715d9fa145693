"""The pages on the real doors: what a recruiter sees and erases, what a candidate keeps."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.conftest import CHROMIUM_ARGS
from tests.server.conftest import Door
from tests.server.test_rest_signs import answered, become

WORDS = "Reduje el cierre a la mitad."
expect.set_options(timeout=20_000)  # what is expected comes at once; a busy machine takes longer


@pytest_asyncio.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A browser for one test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        await browser.close()


async def page_at(browser: Browser, address: str) -> Page:
    """Open an address in a profile of its own, on a phone."""
    context = await browser.new_context(locale="es-PE", viewport={"width": 360, "height": 740})
    page = await context.new_page()
    await page.goto(address)
    return page


async def recruiter_at(door: Door, browser: Browser, route: str) -> Page:
    """Open the recruiter's page at a route."""
    token = door.token(door.tenant, door.tenant.recruiter, "recruiter")
    page = await page_at(browser, f"{door.url}/recruiter/#token={token}")
    await expect(page.get_by_text("En vivo")).to_be_visible()
    await page.goto(f"{door.url}/recruiter/#/{route}")
    return page


async def test_a_request_is_seen_first_as_soon_as_it_is_made(door: Door, browser: Browser) -> None:
    """With the list open: the older interview comes to the front, and goes back once answered."""
    invited, newer = await door.interview(), await door.interview()
    await become(door, newer["id"], "finished")
    await door.report(newer["id"])
    page = await recruiter_at(door, browser, "interviews")
    await expect(page.locator(".tile").first).to_contain_text("Informe listoFalta decidir")
    guest = door.guest(invited["link"])
    await guest.post("/api/v1/invitation/requests", json={"kind": "extra_time"})
    first = page.get_by_role("region", name="Esperan su respuesta").locator(".tile")
    await expect(first).to_contain_text("Pide más tiempo")
    await first.get_by_role("link").click()
    await page.get_by_role("button", name="Aceptar", exact=True).click()
    await expect(page.get_by_text("Aceptado: 10 minutos más")).to_be_visible()
    await page.get_by_role("link", name="Todas las entrevistas").click()
    await expect(page.locator(".tile")).to_have_count(2)
    await expect(page.get_by_role("region", name="Esperan su respuesta")).to_have_count(0)


async def test_an_erasure_on_the_page_leaves_the_audit(door: Door, browser: Browser) -> None:
    """Name, answers, report and link are gone; who did it and when stays."""
    invited = await door.interview()
    await answered(door, invited, 1, WORDS)
    await become(door, invited["id"], "finished")
    await door.report(invited["id"])
    candidate = await page_at(browser, invited["link"])
    await candidate.locator("summary").click()
    await expect(candidate.locator(".turn-answer")).to_have_text(WORDS)
    page = await recruiter_at(door, browser, f"interviews/{invited['id']}")
    await expect(page.get_by_text(WORDS)).to_be_visible()
    await page.get_by_role("button", name="Ver perfil").click()
    await page.get_by_role("button", name="Borrar sus datos").click()
    await page.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Borrar definitivamente").click()
    await expect(page.get_by_role("heading", name="Datos borrados", level=1)).to_be_visible()
    await expect(page.get_by_text(WORDS)).to_have_count(0)
    await expect(page.get_by_text("Luz Paredes")).to_have_count(0)
    await candidate.reload()
    await expect(candidate.get_by_text("La invitación fue retirada")).to_be_visible()
    await expect(candidate.locator(".turn-answer")).to_have_count(0)
    [kept] = await door.rows(
        "SELECT actor, subject_id FROM audit_log WHERE action = 'candidate.erased'"
    )
    assert tuple(kept) == (f"user:{door.tenant.recruiter}", invited["candidate_id"])
