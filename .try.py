import time, numpy as np
from kdprobe.models.hf import open_hf
from kdprobe.tasks.catalog import open_task
from kdprobe.models.reader import Reader
from kdprobe.models.words import *
from kdprobe.extract.coalitions import *
from kdprobe.extract.method import *
task=open_task("cola").task()
h=open_hf("/tmp/kd/cola/teacher",name="t",task=task,device="cpu")
r=Reader(h)
texts=["The sailors rode the breeze clear of the rocks.","The weights made the rope stretch over the pulley.","John don't like it, don't he?","One."]
asked=[]
for t in texts:
    w=split_words(t); e=r.encode((t,)); g=Game(r,(t,),w)
    asked.append(Asked("x",w,e,word_shares(w,e.pieces),int(g.logits(np.ones((1,len(w)),bool))[0].argmax()),g,0))
for m in METHODS.names():
    M=METHODS.load(m); t0=time.time(); s=M.explain(asked,r,M.options(),"log-odds"); print(m,round(time.time()-t0,2))
    for one,x in zip(asked,s): print("   ",[f"{w.text}:{v:.2f}" for w,v in zip(one.words,x.scores)],x.special,x.gap,x.sampled)
for a in asked: print(a.game._exact, len(a.game._values), 2**a.game.n, a.game.values(np.ones((1,a.game.n),bool),a.target), a.game.values(np.zeros((1,a.game.n),bool),a.target))
