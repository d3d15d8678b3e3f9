#!/bin/sh
# What a change would do to the cluster, as a comment for a pull request.
#
#	preview.sh MANIFESTS SNAPSHOT [FORM]
#
# Checks the manifests (FORM github: with annotations in the change itself), plans them against a snapshot of
# the cluster without connecting anywhere, and writes comment.md. Exits as `podmox validate` does, or as the
# plan: 0 also when there is something to do. Needs podmox and ./podmox.yaml, and no secret.
set -u
manifests=$1
snapshot=$2
form=${3:-human}
most=60000 # bytes: code hosts refuse longer comments

# Text that somebody else wrote stays text: nothing ends a block that is indented.
quote() {
	echo
	sed 's/^/    /' | head -c $most
	echo
}

podmox validate -o "$form" "$manifests"
status=$?
{
	echo '<!-- podmox preview -->'
	if [ $status != 0 ]; then
		echo '### podmox: these manifests are not valid'
		podmox validate "$manifests" 2>&1 | quote
	else
		echo '### podmox: what this would change'
		podmox plan --live "$snapshot" "$manifests" >plan.txt 2>&1
		status=$?
		quote <plan.txt
		[ $status = 0 ] || echo "The plan ended with exit status $status."
	fi
} >comment.md
exit $status
