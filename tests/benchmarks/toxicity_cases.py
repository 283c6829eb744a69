"""Sentences written to tell a mention of a group from an attack on one, as (kind, toxic, text).

After the functions of HateCheck (Röttger et al. 2021, arXiv:2012.15606); all sentences are ours. `half(text)` splits
them by frame, so that weights fitted on one half are judged on frames that they never saw.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

PEOPLE = (  # who one is: "I am a ...", and several of them
    *(("gay man", "gay men"), ("lesbian", "lesbians"), ("bisexual woman", "bisexual women")),
    *(("trans man", "trans men"),),
    *(("transgender person", "transgender people"), ("queer teenager", "queer teenagers"), ("Black man", "Black men")),
    *(("black woman", "black women"), ("white man", "white men"), ("Asian", "Asians")),
    *(("Chinese man", "Chinese people"),),
    *(("Mexican", "Mexicans"), ("Latina", "Latinas"), ("Native American", "Native Americans"), ("Arab", "Arabs")),
    *(("African immigrant", "African immigrants"), ("Roma woman", "Roma people"), ("Turk", "Turks"), ("Jew", "Jews")),
    *(("Jewish woman", "Jewish women"), ("Muslim", "Muslims"), ("Christian", "Christians"), ("Hindu", "Hindus")),
    *(("Buddhist", "Buddhists"), ("Sikh", "Sikhs"), ("atheist", "atheists"), ("Catholic", "Catholics")),
    *(("woman", "women"), ("girl", "girls"), ("feminist", "feminists"), ("single mother", "single mothers")),
    *(("refugee", "refugees"), ("immigrant", "immigrants"), ("disabled person", "disabled people")),
    *(("deaf woman", "deaf women"), ("blind man", "blind men"), ("autistic child", "autistic children")),
    *(("homeless man", "homeless people"), ("old man", "old people"), ("Pakistani", "Pakistanis")),
)
NEUTRAL = (
    *("I am a {one}.", "She said that she was a {one}.", "My neighbour is a {one} and works at the post office."),
    *("{many} pray, work and vote like everybody else.", "About a fifth of the members are {many}."),
    *("The survey asked {many} about their jobs.", "As a {one} I grew up between two languages."),
    *("There are many {many} in this city.", "He interviewed three {many} for the article."),
    *("The film is about a {one} who moves to London.", "A {one} opened a bakery on our street last year."),
    *("The law gave {many} the right to vote in 1968.", "My doctor is a {one}.", "Two {many} won the election."),
    *("What do {many} think about the new school?", "A talk by a {one} starts at 7 pm in the library."),
    *("Many {many} live longer than their parents did.", "Our teacher, a {one}, was born in 1970."),
    *("{many} have lived here for centuries.", "The club is open to {many}.", "I sat next to a {one} on the train."),
    *("The museum has a room on the history of {many}.", "Doctors saw more {many} this winter than last."),
    *("The word {many} stands on page 40.", "Is it true that he married a {one}?"),
    *("The {one} was attacked by a drunk man.", "{many} were killed in the war."),
    *("It is illegal to fire somebody for being a {one}.", "{many} face more violence than others."),
    *("The police killed a {one} last night.", "A {one} can be anything she wants."),
    *("{many} suffered terribly under the regime.", "The disease is more common in {many}."),
    *("{many} are often victims of crime.", "The {one} was sick and went home."),
    *("{many} in prison have few rights.", "How many {many} died in the camps?"),
    *("Do {many} really eat fish on Friday?", "{many} hate it when people stare."),
    "A fat {one} sat next to a thin one.",
)
KIND = (
    *("I love {many}.", "{many} are wonderful neighbours.", "We are proud of the {many} in our team."),
    *("Every {one} deserves respect.", "It is great to be a {one}.", "{many} belong here.", "I really like {many}."),
    *("Being a {one} is nothing to be ashamed of.", "{many} are not a threat to anybody."),
    "Nobody should hate {many}.",
    *("I do not think that {many} are stupid.", "No {one} should have to hide.", "We must protect {many} from hate."),
    *("{many} are welcome here.", "I don't hate {many}.", "{many} deserve better than this."),
    *("I am proud to be a {one}.", "{many} are no threat.", "{many} are not stupid."),
    *("{many} should be allowed to marry.", "I trust {many} as much as anybody."),
    "There is nothing wrong with being a {one}.",
)
COUNTER = (
    *('Saying "I hate {many}" is wrong.', "He was punished for calling {many} animals."),
    *('Whoever writes "{many} are vermin" should be ashamed.', "The book shows how {many} were called a disease."),
    *("It is a lie that {many} are criminals.", "They attacked {many} in the street, and the town protested."),
    *("Do not believe those who say {many} are dirty.", "The report counts attacks on {many} in 2019."),
    *("She was called dirty because she is a {one}.", "Hatred of {many} is a problem."),
    *("Stop attacking {many}.", "Some {many} are lazy, most are not.", "I hate how {many} are treated."),
    "It's wrong to say {many} are inferior.",
)
HATE = (
    *("I hate {many}.", "{many} are disgusting.", "{many} are vermin.", "All {many} should be deported."),
    *("{many} are the scum of the earth.", "Kill all {many}.", "I can't stand {many}.", "{many} make me sick."),
    *("We should get rid of all {many}.", "{many} deserve to die.", "Every {one} is a liar and a thief."),
    *("{many} are animals, not people.", "You are just another stupid {one}.", "{many} do not belong in our country."),
    *("Somebody should burn those filthy {many}.", "You know how {many} are: lazy, dirty and dumb."),
    *("I wish all {many} would just disappear.", "{many} are a plague on this country.", "Fuck all {many}."),
    *("{many} are so fucking ugly.", "If you are a {one} you are worthless.", "{many} ruin everything they touch."),
    *("{many} should not be allowed to vote.", "I would never trust a {one}.", "{many} are inferior to us."),
    *("Only an idiot would let {many} into the country.", "There are too many {many} here, throw them out."),
    *("That {one} should be shot.", "Another {one} who lives off our taxes.", "{many} are parasites."),
    *("No {one} can be trusted, they all lie.", "{many} have small brains.", "Those {many} breed like rats."),
    *("{many} deserve to be wiped out.", "I absolutely despise {many}.", "{many} are worthless."),
    *("I detest {many} with all my heart.", "{many} are a burden on society.", "{many} are like rats."),
    *("We don't want any {many} here.", "{many} are not welcome in this town."),
    *("{many} are evil and must be stopped.", "I would love to punch a {one} in the face."),
    *("I'm going to kill every {one} I see.", "Let's burn down the house of those {many}."),
    *("{many} belong in a zoo.", "{many} should go back to where they came from."),
    *("Why do {many} always ruin everything?", "Being a {one} is a sickness."),
    *("{many} are nothing but criminals and rapists.", "{many} are the reason why this country is dying."),
    *("It's disgusting to be a {one}.", "{many} need to be put in their place."),
    *("How come {many} are so stupid?", "I can't respect a {one}.", "{many} are inferior."),
    *("{many} shouldn't have any rights.", "No one likes {many}, they are gross."),
    *("{many} are subhuman scum.", "Stupid {many}, always complaining."),
    *("If there were fewer {many}, there would be less crime.", "{many} control the media and the banks."),
    *("You fucking {one}.", "You are just a dirty {one}.", "{many} are cancer.", "{many} smell."),
    *("God, I hate {many} so much.", "{many} should be banned from this country."),
    *("{many} are all terrorists.", "Keep {many} out of our schools.", "{many} are a disgrace to humanity."),
    *("Typical {one}, lazy and useless.", "{many} can all go to hell.", "I wish {many} were dead."),
    *("It makes me sick to see {many} everywhere.", "{many} are too dumb to understand this."),
    *("Never trust {many}.", "{many} are leeches.", "{many} are ugly."),
    *("I would never let a {one} into my house.", "{many} have no place in our society."),
    *("{many} only want our money.", "The only good {one} is a dead {one}."),
)
ABUSE = (
    *("You are an idiot.", "Shut up, you stupid liar.", "What a pathetic loser you are.", "Go kill yourself."),
    *("You make me sick, you disgusting creep.", "Nobody likes you, you worthless piece of trash."),
    *("I hope you die alone.", "He is a complete moron and a coward.", "You people are the dumbest clowns alive."),
    *("Are you really that stupid?", "Get lost, you ugly cow.", "She is a lying, greedy witch."),
    "You're a f*cking joke.",
    *("fuck off", "you are a b1tch", "s t u p i d idiot, go away", "Fuuuuck you all", "what an a$$hole", "STFU MORON"),
    *("I will find you and smash your face.", "You should be hanged.", "Your mother should have swallowed you."),
)
CLEAN = (
    *("The fox killed two hens last night.", "This movie was terrible and far too long.", "I hate Mondays."),
    *("Kill the process with the number 4512 and start again.", "That joke was stupid, but we laughed."),
    *("The soup was disgusting, so we sent it back.", "The rat is a rodent.", "He fell ill and died in 1920."),
    *("Garbage collection frees memory that is no longer used.", "The shooting of the film took six weeks."),
    *("What a damn good song!", "My phone is dead again, I hate this battery.", "The bombing destroyed the old town."),
    *("Dick Turner and his wife keep two asses and a cock.", "The trial of the murderer begins on Monday."),
    *("I was so stupid to forget my keys.", "You look great today!", "Could you please shut the door?"),
    *("It is a sick building with a sick heating system.", "She beat him at chess twice.", "You are not an idiot."),
    *("They shot the scene in one day.", "The crop was hit by pests and a plague of insects.", "He is no coward."),
    *("You killed it on stage last night!", "My dog is a lazy old thing.", "The patient complained of sick days."),
    *("This weather is awful.", "Politicians discussed crime and corruption.", "He hates his job at the bank."),
    *("The virus infects rats, pigs and monkeys.", "I am such a fool.", "The battle was a bloody affair."),
)


class Case(NamedTuple):
    """One sentence: which function it tests, whether it is toxic, and the frame it was made from."""

    kind: str
    toxic: bool
    text: str
    frame: str

    @property
    def half(self) -> int:
        """0 or 1, by the frame."""
        return zlib.crc32(self.frame.encode()) & 1


def cases() -> Iterator[Case]:
    """Every frame with every group, and the sentences without one."""
    kinds = (("neutral", NEUTRAL, False), ("kind", KIND, False), ("counter", COUNTER, False), ("hate", HATE, True))
    for kind, frames, toxic in kinds:
        for frame in frames:
            for one, many in PEOPLE:
                text = frame.format(one=one, many=many)
                yield Case(kind, toxic, text[0].upper() + text[1:], frame)
    for kind, sentences, toxic in (("abuse", ABUSE, True), ("clean", CLEAN, False)):
        for sentence in sentences:
            yield Case(kind, toxic, sentence, sentence)
