"""Ask before you send: what is known about a model, who says so, and how to add what nobody knows."""

from bedrock_converse.profiles import Profiles, profile_for

MODELS = ("us.anthropic.claude-sonnet-4-6", "eu.amazon.nova-pro-v1:0", "mistral.mistral-large-2407-v1:0")

for model_id in MODELS:
    profile = profile_for(model_id)
    caches = ", ".join(sorted(profile.cache_in)) or "nothing"
    print(f"{profile.model_id}: reasoning {profile.reasoning_style}, caches {caches}")
    source = profile.sources["cache_in"]
    print(f"    says {source.text}, checked {source.checked}")

# an application inference profile's ARN does not say which model it is: you do
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
profiles = Profiles({ARN: "anthropic.claude-sonnet-4-6"}).with_facts("mistral.", leading_assistant=True)
print(profile_for(ARN).family, "->", profile_for(ARN, profiles).family)
print(profile_for("mistral.mistral-large-2407-v1:0", profiles).leading_assistant)
