import os, shutil, subprocess
import pytest
from f.millrace.agents import registry
from f.millrace.core import db, run_context
from f.millrace.telemetry import runs
from scripts.console import sign_ins
from tests.console.conftest import *  # noqa
OUT="/tmp/agents-pics"
def test_pictures(served, tmp_path, folk, run_of):
    os.makedirs(OUT, exist_ok=True)
    ana = registry.Person("ana","owner"); bo=registry.Person("bo","approver"); cy=registry.Person("cy","member")
    def shot(name, path, person="ana", *opts, size="1440,1000"):
        prof=f"{tmp_path}/{person}"
        base=[shutil.which("chromium"),"--headless","--no-sandbox","--disable-gpu",f"--user-data-dir={prof}","--timeout=2500","--hide-scrollbars"]
        env={**os.environ,"HOME":str(tmp_path)}
        if not os.path.exists(prof):
            subprocess.run([*base,"--dump-dom",f"http://127.0.0.1:{served}/enter?t={sign_ins.make_link(person)}"],capture_output=True,env=env,timeout=90)
        subprocess.run([*base,f"--window-size={size}",*opts,f"--screenshot={OUT}/{name}.png",f"http://127.0.0.1:{served}{path}"],capture_output=True,env=env,timeout=90)
    shot("empty","/system/agents","cy")
    registry.create({"name":"tide-reader","description":"Says what the notes know about tides.","instructions":"Answer from the notes in two sentences.\nSay when they know nothing.","tools":["notes.search","notes.read"]},cy)
    registry.create({"name":"harbour-desk","description":"Writes the harbour's day into my notes, and mails what is late.","instructions":"x","tools":["notes.search","notes.write","mail.send","web.search"],"shared":True},bo)
    registry.create({"name":"slow-one","instructions":"Say <b>hello</b> and no more than that. "*8},ana)
    registry.change("tide-reader",{"version":1,"limits":{"usd":0.05}},cy)
    registry.switch_off("slow-one",ana)
    for i,(st,oc) in enumerate([("done","done"),("done","done"),("failed","failed"),("running",None)]):
        rid=run_of("cy",flow="ask_agent",status=st,asks="")
        db.execute("UPDATE run SET args=%s WHERE id=%s",[db.jsonb({"task":f"When is high water at Kelby on day {i}, and who told us so?","agent":"tide-reader","version":2}),rid])
        db.execute("INSERT INTO agent_run VALUES (%s,'work','tide-reader',2,now(),%s,%s)",[rid, None if oc is None else run_context.now(), oc])
    shot("list","/system/agents")
    shot("new","/system/agents/new","cy",size="1440,1200")
    shot("one","/system/agents/tide-reader","cy",size="1440,1700")
    shot("other","/system/agents/harbour-desk","cy",size="1440,1000")
    shot("off","/system/agents/slow-one","ana",size="1440,900")
    shot("talk","/talk?flow=agent/tide-reader","cy",size="1440,900")
    shot("list-390","/system/agents","ana",size="390,844")
    shot("one-390","/system/agents/tide-reader","cy",size="390,2200")
    dark=["--blink-settings=preferredColorScheme=0","--force-dark-mode"]
    shot("one-dark","/system/agents/tide-reader","cy",*dark,size="1440,1700")
    shot("new-390-dark","/system/agents/new","cy",*dark,size="390,1800")
    shot("system","/system","ana",size="1440,1400")
