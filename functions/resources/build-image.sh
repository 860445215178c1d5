#!/usr/bin/env bash
# Builds the worker's image from the layer and tells CloudFormation how it went: what the stack waits for.
#
# CodeBuild runs it, as image.py tells it to, which sets LAYER_VERSION_ARN, IMAGE_TAG, RESPONSE and
# RESPONSE_URL. REPOSITORY_URI comes from the project.
set -uo pipefail # no -e: whatever fails, CloudFormation gets a response

build() {
  local location sha256
  read -r location sha256 < <(aws lambda get-layer-version-by-arn --arn "$LAYER_VERSION_ARN" \
    --query 'Content.[Location,CodeSha256]' --output text)
  curl --fail --silent --show-error --retry 5 --output layer.zip "$location"
  if [[ $(openssl dgst -sha256 -binary layer.zip | base64) != "$sha256" ]]; then
    echo "the downloaded layer does not have the hash $sha256"
    return 1
  fi
  unzip -q layer.zip -d layer
  docker build --tag "$REPOSITORY_URI:$IMAGE_TAG" layer
  aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY_URI%%/*}"
  docker push "$REPOSITORY_URI:$IMAGE_TAG"
  # The digest under which this registry has it.
  docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$REPOSITORY_URI:$IMAGE_TAG" |
    sed -n "s|^$REPOSITORY_URI@||p" >digest
  test -s digest
}

respond() {
  local status=$1 reason=$2 digest=$3
  jq --null-input --argjson response "$RESPONSE" --arg status "$status" --arg reason "$reason" \
    --arg digest "$digest" '$response + {Status: $status, Reason: $reason, Data: {Digest: $digest}}' >response.json
  curl --fail --silent --show-error --retry 5 --request PUT --header 'Content-Type:' \
    --data-binary @response.json "$RESPONSE_URL"
}

# In a shell of its own and in no condition: there bash would not heed -e.
(
  set -e
  build
) 2>&1 | tee build.log
code=$?
if ((code == 0)); then
  respond SUCCESS '' "$(cat digest)" || code=$?
else
  respond FAILED "the image's build $CODEBUILD_BUILD_ID failed: $(tail -c 500 build.log 2>&1)" ''
fi
exit "$code"
