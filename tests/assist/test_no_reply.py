"""What stands in for a mail where nobody asked for one."""

from f.millrace.assist import no_reply
from f.millrace.blocks import send_if_approved, send_mail


def test_it_answers_in_the_form_of_the_mail_that_it_stands_for(database: str) -> None:
    mail = send_mail.main(["ada@home.example"], "Brief", "Sodium is cheap.")

    nothing = no_reply.main()

    assert nothing.keys() == mail.keys()
    assert mail["needs_approval"] and not nothing["needs_approval"]


def test_the_step_behind_it_has_nothing_to_send(database: str) -> None:
    sent = send_if_approved.main(no_reply.main()["action_id"])

    assert sent["mails"] == []
