# Makes the two lists: "munged" writes its own address as From, "footer" leaves
# From alone; both add a footer.
from mailman.core.initialize import initialize

initialize("/srv/etc/delivery/mailman.cfg")

from mailman.app.lifecycle import create_list
from mailman.config import config
from mailman.database.transaction import transaction
from mailman.interfaces.action import Action
from mailman.interfaces.domain import IDomainManager
from mailman.interfaces.mailinglist import DMARCMitigateAction
from mailman.interfaces.subscriptions import ISubscriptionManager
from mailman.interfaces.template import ITemplateManager
from mailman.interfaces.usermanager import IUserManager
from zope.component import getUtility

FOOTER = "/srv/delivery/mailman/footer.txt"
with open(FOOTER, "w") as file:
    file.write("_______________________________________________\n$display_name mailing list -- $listname\n")

with transaction():
    getUtility(IDomainManager).add("lists.company.example")
    target = getUtility(IUserManager).create_address("in@app.example")
    from mailman.utilities.datetime import now
    target.verified_on = now()
    for name, action in (("munged", DMARCMitigateAction.munge_from), ("footer", DMARCMitigateAction.no_mitigation), ("wrapped", DMARCMitigateAction.wrap_message)):
        mlist = create_list(name + "@lists.company.example", owners=[])
        mlist.default_nonmember_action = Action.accept
        mlist.dmarc_mitigate_action = action
        mlist.dmarc_mitigate_unconditionally = action is not DMARCMitigateAction.no_mitigation
        mlist.send_welcome_message = False
        mlist.archive_policy = mlist.archive_policy.never
        getUtility(ITemplateManager).set("list:member:regular:footer", mlist.list_id, "file://" + FOOTER)
        ISubscriptionManager(mlist).register(target, pre_verified=True, pre_confirmed=True, pre_approved=True)
